from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.sfu.house import House


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> "House":
    """A development server on a recorded packet plane."""
    # Imported here, so that tests of pure functions run before the extension is built.
    from tests.sfu import fake_plane
    from tests.sfu.house import House

    fake_plane.install(monkeypatch)
    return House()
