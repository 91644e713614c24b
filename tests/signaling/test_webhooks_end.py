"""How the delivery of webhooks ends."""

import asyncio
import contextlib
import time
from typing import Any

import pytest

from sfu.signaling.webhooks import Endpoint, Webhooks
from sfu.store import Store
from tests.signaling.test_webhooks import Backend, backend, hook, store

__all__ = ["backend", "store"]


async def test_closing_still_delivers_what_is_due(store: Store, backend: Backend) -> None:
    await store.commit([hook(number) for number in range(100)])
    delivery = Webhooks(store, {"acme": Endpoint(backend.url, b"key")}, time.time)
    await delivery.close(5.0)
    assert backend.numbers() == list(range(100))


@pytest.mark.parametrize("method", ["outbox_due", "outbox"])
async def test_a_store_that_swallows_the_cancellation_does_not_keep_it_from_ending(
    store: Store, backend: Backend, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    # As `asyncio.wait_for` of Python 3.11 does when its task is done in the same moment.
    read = getattr(store, method)
    asked = asyncio.Event()

    async def swallowing(*arguments: Any) -> Any:
        asked.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0.2)
        return await read(*arguments)

    monkeypatch.setattr(store, method, swallowing)
    await store.commit([hook(number) for number in range(64)])
    delivery = Webhooks(store, {"acme": Endpoint(backend.url, b"key")}, time.time)
    task = asyncio.create_task(delivery.run())
    await asked.wait()
    task.cancel()
    async with asyncio.timeout(1):
        await asyncio.gather(task, return_exceptions=True)
        await delivery.close(0.01)
    assert method == "outbox_due" or len(backend.requests) < 64
