import faulthandler
from collections.abc import Generator

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key
from hypothesis import settings

# A busy machine must not decide whether a test passes.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files go first: at the end of a run on several processes, none has one before it."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Gives what ends a test a watch of its own: pytest's is over once the test has failed."""
    seconds = float(item.config.getini("faulthandler_timeout"))
    told = item.config.stash.get(fault_handler_stderr_fd_key, None)
    if seconds > 0 and told is not None:
        faulthandler.dump_traceback_later(seconds, file=told, exit=True)
    return (yield)
