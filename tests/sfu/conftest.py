import pytest

from tests.sfu import fake_plane
from tests.sfu.house import House


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    """A development server on a recorded packet plane."""
    fake_plane.install(monkeypatch)
    return House()
