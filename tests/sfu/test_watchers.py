"""Watchers of events: told everything in order, or dropped when they sleep."""

import asyncio

import pytest

from sfu import watchers
from sfu.events import RoomEvent, RoomStarted
from sfu.watchers import Watchers


async def test_each_watcher_is_told_everything_until_it_sleeps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watchers, "EVENTS_WAITING", 3)
    told = [RoomEvent("acme", "hall", float(at), RoomStarted()) for at in range(5)]
    all_of_them = Watchers()
    quick, slow = all_of_them.events(), all_of_them.events()
    assert not all_of_them
    tasks = [asyncio.ensure_future(anext(each)) for each in (quick, slow)]
    await asyncio.sleep(0)
    assert all_of_them
    all_of_them.tell(told[:1])
    assert [await task for task in tasks] == [told[0], told[0]]
    for event in told[1:4]:
        all_of_them.tell([event])
        assert await anext(quick) == event
    all_of_them.tell(told[4:])
    assert await anext(quick) == told[4]
    # The other one gets what it had room for, and then its end.
    assert [event async for event in slow] == told[1:4]
