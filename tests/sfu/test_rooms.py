"""The door to rooms: one list of changes for everybody who follows."""

import asyncio
from typing import Any

import pytest

from sfu.commands import End, Join, Leave, Lock, Mute, RevokeSeat, Start
from sfu.errors import Refusal
from sfu.events import ParticipantJoined, ParticipantLeft, RoomEnded, RoomOpened, SlotChanged
from sfu.live_room import LiveRoom
from sfu.participant import Role
from sfu.room import Options, State
from sfu.track import Source
from sfu.watchers import EVENTS_WAITING
from tests.sfu import fake_plane
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


def test_a_room_made_elsewhere_waits_for_its_start(house: House) -> None:
    live = house.rooms.create("dev", "hall", Options(access="open"), state=State.PREPARING)
    assert live.join(Join("p-1", "ann", "Ann", Role.ATTENDEE)).id == "p-1"
    assert list(live.room.waiting) == ["p-1"]
    assert live.stage is None
    live.execute(Start(), None)
    assert list(live.room.participants) == ["p-1"]
    assert live.stage is not None
    live.execute(End(), None)
    assert live.stage is None
    assert house.forwarders[0].load == 0


def test_time_lets_a_queue_in(house: House) -> None:
    live = house.rooms.create("dev", "hall", Options(access="open"), state=State.PREPARING)
    for number in range(150):
        live.join(Join(f"p-{number}", f"{number}", "x", Role.ATTENDEE))
    live.execute(Start(), None)
    assert len(live.room.participants) == 100
    house.pass_time(0.5)
    assert len(live.room.participants) == 150
    commands = len(house.worker.commands)
    house.pass_time(5)
    assert len(house.worker.commands) == commands


def test_idle_rooms_cost_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(40):
        house.prepare(f"hall-{number}")
    ticked: list[str] = []
    tick = LiveRoom.tick

    def counted(live: LiveRoom, now: float) -> None:
        ticked.append(live.room.id)
        tick(live, now)

    monkeypatch.setattr(LiveRoom, "tick", counted)
    house.pass_time(2)
    ticked.clear()
    ann = house.member(room="hall-3", role="presenter")
    house.pass_time(2)
    assert set(ticked) == {"hall-3"}
    house.rooms.remove("dev", "hall-3")
    house.pass_time(2)
    ticked.clear()
    house.pass_time(2)
    assert ticked == []
    assert ann.events("ended")
    # Whatever changes it wakes it up.
    house.live("hall-4").execute(Lock(True), None)
    house.pass_time(0.1)
    assert "hall-4" in ticked


def test_an_empty_room_ends_if_so_wished(house: House) -> None:
    prepared = house.prepare("prepared")
    ann = house.member()
    ann.ask("leave")
    house.pass_time(60)
    assert house.live().room.state is State.LIVE
    house.rooms.end_empty_after(60)
    bob = house.member()
    house.pass_time(59)
    bob.ask("leave")
    house.pass_time(59)
    assert house.live().room.state is State.LIVE
    house.pass_time(2)
    assert house.live().room.state is State.ENDED
    assert prepared.room.state is State.PREPARING


def test_a_new_time_for_empty_rooms_holds_for_those_that_sleep(house: House) -> None:
    house.member().ask("leave")
    house.pass_time(500)
    house.rooms.end_empty_after(3600)
    house.pass_time(10)
    house.rooms.end_empty_after(600)
    house.pass_time(85)
    assert house.live().room.state is State.LIVE
    house.pass_time(10)
    assert house.live().room.state is State.ENDED
    house.member(room="lair").ask("leave")
    house.pass_time(500)
    house.rooms.end_empty_after(60)
    assert house.live("lair").room.state is State.ENDED


def test_a_room_outlives_its_worker_and_waits_for_another(house: House) -> None:
    house.prepare(attendees=1)
    pia = house.member("presenter")
    pia.ask("start")
    house.report(fake_plane.Fault("panic"))
    lost = house.forwarders[0]
    with pytest.raises(Refusal):
        house.rooms.leave(lost, house.now)
    pia.read()
    house.pass_time(0.1)
    assert pia.events("connection") == []
    assert pia.closed() is None
    other = House(workers=1)
    house.forwarders[0] = other.forwarders[0]
    house.rooms.leave(lost, house.now)
    assert [event["connection"] for event in pia.events("connection")] == ["receive"]
    stage = house.live().stage
    assert stage is not None
    assert stage.forwarder is other.forwarders[0]
    assert [other.forwarders[0].load, lost.load] == [1, 0]


async def test_a_removed_room_has_ended(house: House) -> None:
    house.member()
    events = house.rooms.events()
    first = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    house.rooms.remove("dev", "hall")
    got = [await first, await anext(events)]
    assert [type(event.change) for event in got] == [ParticipantLeft, RoomEnded]
    await events.aclose()  # type: ignore[attr-defined]


def test_whoever_loses_the_seat_is_the_speaker_no_longer(house: House) -> None:
    ann, dan = house.presenter(), house.member()
    live = house.live()
    for _ in range(2):
        house.now += 1
        live._heard([(ann.id, 10)], house.now)
    assert dan.events("speaker")[-1]["participant"] == ann.id
    live.execute(RevokeSeat(ann.id), None)
    assert dan.events("speaker") == [{"type": "speaker", "participant": None}]
