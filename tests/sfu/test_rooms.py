"""The door to rooms: one list of changes for everybody who follows."""

import asyncio
from typing import Any

import pytest

from sfu.commands import Join, Leave, Mute
from sfu.errors import Refusal
from sfu.events import ParticipantJoined, ParticipantLeft, RoomOpened, SlotChanged
from sfu.participant import Role
from sfu.room import Options
from sfu.rooms import EVENTS_WAITING
from sfu.track import Source
from tests.sfu.house import House


def test_rooms_are_made_once(house: House) -> None:
    one = house.rooms.create("acme", "hall", Options())
    assert house.rooms.create("acme", "hall", Options(kind="webcast")) is one
    assert house.rooms.find("acme", "hall") is one
    assert house.rooms.find("other", "hall") is None
    assert len(house.rooms) == 1


def test_removing_a_room_ends_it_for_everybody(house: House) -> None:
    ann, dan = house.presenter(), house.member()
    house.rooms.remove("dev", "hall")
    house.rooms.remove("dev", "hall")
    assert house.rooms.find("dev", "hall") is None
    for each in (ann, dan):
        assert each.read()[-1] == {"type": "ended"}
        closed = each.closed()
        assert closed is not None
        assert closed.code == 4004
    assert sum(house.forwarders[0].transports_by_state.values()) == 0
    assert house.forwarders[0].load == 0


def test_the_embedding_program_uses_the_same_door(house: House) -> None:
    ann = house.presenter()
    live = house.live()
    live.execute(Mute(ann.id, Source.CAMERA, True), None)
    assert ann.events("muted") == [{"type": "muted", "source": "camera", "by": None}]
    with pytest.raises(Refusal):
        live.execute(Mute(ann.id, Source.CAMERA, False), None)
    live.execute(Leave(ann.id, "removed"), None)
    assert ann.read()[-1] == {"type": "removed", "reason": "removed"}


def test_a_fault_in_one_follower_does_not_leave_the_other_behind(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, dan = house.presenter(), house.member()
    stage = house.live().stage

    def explode(*args: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(stage, "follow", explode)
    dan.read()
    ann.ask("mute", source="camera", muted=True)
    assert dan.events("slots")[-1]["slots"]["seat-1"]["camera"] is False


async def test_events_are_told_to_whoever_asks(house: House) -> None:
    events = house.rooms.events()
    first = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    ann = house.member("presenter")
    ann.ask("leave")
    got = [await first] + [await anext(events) for _ in range(4)]
    assert [type(event.change) for event in got] == [
        RoomOpened, ParticipantJoined, SlotChanged, SlotChanged, ParticipantLeft,
    ]  # fmt: skip
    assert {(event.tenant, event.room) for event in got} == {("dev", "hall")}
    assert got[0].at == house.clock.wall()
    await events.aclose()  # type: ignore[attr-defined]
    assert not house.rooms._watchers


async def test_a_watcher_that_sleeps_costs_no_memory(house: House) -> None:
    events = house.rooms.events()
    first = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    live = house.rooms.create("acme", "hall", Options())
    await first
    for number in range(EVENTS_WAITING):
        live.execute(Join(str(number), "ann", "Ann", Role.ATTENDEE), str(number))
    assert not house.rooms._watchers
    assert len([event async for event in events]) == EVENTS_WAITING


def test_people_by_role(house: House) -> None:
    house.member("presenter", room="one")
    house.member(room="one")
    house.member(room="two")
    assert house.rooms.counts() == {
        Role.ORGANIZER: 0,
        Role.PRESENTER: 1,
        Role.ATTENDEE: 2,
        Role.VIEWER: 0,
    }
