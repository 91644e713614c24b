"""Waiting for what another task or thread brings about."""

import asyncio
from collections.abc import Callable

PATIENCE = 20.0


async def until(met: Callable[[], bool]) -> None:
    """Looks again and again, for what nothing tells of; raises TimeoutError."""
    async with asyncio.timeout(PATIENCE):
        while not met():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)
