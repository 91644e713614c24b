from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest_asyncio

if TYPE_CHECKING:
    from tests.signaling.rest.backend import Backend


@pytest_asyncio.fixture
async def backend(tmp_path: Path) -> "AsyncIterator[Backend]":
    """Tenant `acme` of a server that runs."""
    from tests.signaling.rest.backend import serving

    async with serving(tmp_path / "sfu.sqlite") as backend:
        yield backend
