"""How the delivery of webhooks ends."""

import asyncio
import contextlib
from typing import Any

import pytest

from sfu.journal import PRUNE
from sfu.signaling import webhooks
from sfu.signaling.webhooks import GIVE_UP, LONGEST_PAUSE, PATIENCE, Endpoint, Webhooks
from sfu.store import Store
from sfu.store.writes import Prune
from tests.signaling.test_webhooks import NOW, Backend, Hands, backend, delivering, hook, store
from tests.waiting import until

__all__ = ["backend", "store"]


async def test_closing_still_delivers_what_is_due(store: Store, backend: Backend) -> None:
    await store.commit([hook(number) for number in range(100)])
    delivery = Webhooks(store, {"acme": Endpoint(backend.url, b"key")}, Hands().clock)
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
    delivery = Webhooks(store, {"acme": Endpoint(backend.url, b"key")}, Hands().clock)
    task = asyncio.create_task(delivery.run())
    await asked.wait()
    task.cancel()
    async with asyncio.timeout(1):
        await asyncio.gather(task, return_exceptions=True)
        await delivery.close(0.01)
    assert method == "outbox_due" or len(backend.requests) < 64


async def test_what_a_day_has_not_delivered_is_given_up_one_after_the_other(
    store: Store, backend: Backend
) -> None:
    backend.answer = lambda _: 503
    await store.commit([hook(1, at=NOW - GIVE_UP), hook(2, at=NOW - GIVE_UP), hook(3)])
    async with delivering(store, ("acme", backend.url)) as delivery:
        await until(lambda: delivery.counts["failed"] == 3)
    assert backend.numbers() == [1, 2, 3]
    assert delivery.counts["given_up"] == 2


async def test_nothing_is_pruned_before_it_is_given_up(store: Store, backend: Backend) -> None:
    backend.answer = lambda _: 503
    await store.commit([hook(1, at=NOW - GIVE_UP - PRUNE - LONGEST_PAUSE), Prune(NOW)])
    async with delivering(store, ("acme", backend.url)) as delivery:
        await until(lambda: delivery.counts["given_up"] == 1)


async def test_a_clock_that_is_set_forward_gives_nothing_up_for_an_hour(
    store: Store, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "POLL", 0.005)
    backend.answer = lambda _: 503
    hands = Hands()
    await store.commit([hook(1)])
    async with delivering(store, ("acme", backend.url), hands=hands) as delivery:
        await until(lambda: delivery.counts["failed"] == 1)
        hands.step += 2 * GIVE_UP
        await until(lambda: delivery.counts["failed"] == 2)
        hands.now += 3580
        await until(lambda: delivery.counts["failed"] == 3)
        assert not delivery.counts["given_up"]
        hands.now += 30
        await until(lambda: delivery.counts["given_up"] == 1)


async def more_than(delivery: Webhooks, failed: int) -> None:
    await until(lambda: delivery.counts["failed"] > failed)


async def test_a_clock_that_is_set_again_and_again_puts_it_off_for_a_day_at_most(
    store: Store, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "POLL", 0.002)
    backend.answer = lambda _: 503
    hands = Hands()
    await store.commit([hook(1)])
    async with delivering(store, ("acme", backend.url), hands=hands) as delivery:
        failed = 0
        while hands.now < NOW + 2 * GIVE_UP and not delivery.counts["given_up"]:
            await more_than(delivery, failed)
            failed = delivery.counts["failed"]
            hands.now += PATIENCE - 60
            hands.step = 30.0 - hands.step
        assert delivery.counts["given_up"] == 1
        assert hands.now >= NOW + GIVE_UP
