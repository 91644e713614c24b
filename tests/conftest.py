import pytest
from hypothesis import settings

# A busy machine must not decide whether a test passes.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files go first: at the end of a run on several processes, none has one before it."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
