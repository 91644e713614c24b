"""What survives the process, and what backends are told."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sfu.commands import (
    Admit,
    Allow,
    Block,
    Join,
    Leave,
    Lock,
    RevokeSeat,
    SetMode,
    SetStatus,
)
from sfu.config import load
from sfu.errors import Refusal
from sfu.journal import Journal
from sfu.options import Mode, Options, State
from sfu.participant import Role
from sfu.server import Server
from sfu.store import StoreError, make_store
from sfu.store.writes import Delivered, Prune, Retry, TouchStays, Write
from sfu.track import Source
from sfu.usage import PATIENCE
from tests.sfu.hook_receiver import hooked, receiving
from tests.sfu.house import House
from tests.signaling.listening import kill
from tests.signaling.rest.backend import SECRET, serving
from tests.signaling.test_webhooks import Hands

BY_THEMSELVES = (Delivered, Prune, Retry, TouchStays)
"""Writes that no command causes."""


async def test_webhooks_arrive_in_order_and_signed(tmp_path: Path) -> None:
    async with receiving() as receiver, hooked(tmp_path / "sfu.sqlite", receiver) as backend:
        receiver.failures = 1
        await backend.create(limits={"attendees": 1})
        live = backend.live()
        backend.join("ann", Role.PRESENTER)
        backend.join("bob")
        live.execute(Lock(True), None)
        backend.join("eve")
        await backend.ask("POST", "/v1/rooms/hall/participants/p-bob/block")
        live.execute(SetMode(Mode.MEETING), "p-ann")
        await backend.ask("DELETE", "/v1/rooms/hall/participants/p-ann/seat")
        await backend.ask("POST", "/v1/rooms/hall/participants/p-ann/seat")
        live.execute(Lock(False), "p-ann")
        live.execute(Leave("p-bob"), "p-bob")
        await backend.ask("POST", "/v1/rooms/hall/end")
        await receiver.until("usage", 4)
        told = [name for name in receiver.names if name != "usage"]
        assert told[:9] == [
            "room.created", "room.started", "participant.joined", "participant.joined",
            "room.nearly_full", "room.locked", "participant.waiting", "mode.changed",
            "seat.revoked",
        ]  # fmt: skip
        assert told[-1] == "room.ended"
        assert sorted(told[9:-1]) == sorted(
            ["seat.granted", "room.unlocked"]
            + ["participant.left"] * 3
            + ["participant.joined"] * told[9:].count("participant.joined")
        )
        assert len({body["id"] for body in receiver.bodies}) == len(receiver.bodies)
        assert {body["room"] for body in receiver.bodies} == {"hall"}
        joined = next(body for body in receiver.bodies if body["event"] == "participant.joined")
        assert (joined["participant"]["identity"], joined["participant"]["seat"]) == ("ann", 1)
        usage = [body["usage"] for body in receiver.bodies if body["event"] == "usage"]
        assert [record["kind"] for record in usage].count("event") == 1


async def test_a_room_comes_back_as_it_was(tmp_path: Path) -> None:
    store = tmp_path / "sfu.sqlite"
    async with serving(store) as backend:
        await backend.create(
            limits={"presenters": 2, "meeting": 9}, video="hd", metadata={"x": [1]}, access="open"
        )
        backend.join("ann")
        backend.join("bob", Role.PRESENTER)
        await backend.ask("POST", "/v1/rooms/hall/mode", 200, {"mode": "meeting"})
        await backend.ask("POST", "/v1/rooms/hall/lock")
        await backend.ask("POST", "/v1/rooms/hall/participants/p-ann/remove", 204, {"ban": True})
        await backend.create("later", start=False, permanent=True)
        await backend.create("over")
        await backend.ask("POST", "/v1/rooms/over/end")
        before = {
            name: await backend.ask("GET", f"/v1/rooms/{name}")
            for name in ("hall", "later", "over")
        }
        slots = backend.live().room.slots
        await kill(backend.server)
    before["hall"]["counts"]["presenter"] = 0
    async with serving(store) as backend:
        for name, shown in before.items():
            assert await backend.ask("GET", f"/v1/rooms/{name}") == shown
        room = backend.live().room
        assert room.banned == {"ann"}
        assert room.slots == slots
        # A ban is for one event.
        await backend.ask("DELETE", "/v1/rooms/hall", 204)
        await backend.create("hall")
        assert backend.live().room.banned == set()
    async with serving(store) as backend:
        assert backend.live().room.banned == set()


async def test_setting_the_clock_puts_pruning_off_by_hours_and_not_by_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, rooms, hands = make_store(tmp_path / "sfu.sqlite", ""), House().rooms, Hands(now=0.0)
    written: list[Write] = []

    def keep(writes: Sequence[Write]) -> asyncio.Future[None]:
        written.extend(writes)
        return asyncio.Future()

    monkeypatch.setattr(store, "keep", keep)
    rooms.clock = hands.clock
    journal = Journal(store, rooms, ())
    hours = []
    for hour in range(54):
        hands.now = hour * 3600.0
        # Once, and again and again from then on.
        hands.step += 60.0 if hour == 2 or hour >= 6 else 0.0
        journal.tick(hands.now)
        if any(isinstance(write, Prune) for write in written):
            hours.append(hour)
        written.clear()
    assert hours == [0, 1, 4, 5, 29, 53]


async def test_a_restart_keeps_places_until_people_are_back_or_too_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "sfu.sqlite"
    async with receiving() as receiver:
        async with hooked(store, receiver) as backend:
            await backend.create(limits={"attendees": 2})
            backend.join("ann")
            backend.join("bob")
            await backend.journal.durable()
            await kill(backend.server)
        async with hooked(store, receiver) as backend:
            room, journal = backend.live().room, backend.journal
            backend.join("eve")
            assert list(room.waiting) == ["p-eve"]
            backend.join("ann")
            clock = backend.server.rooms.clock
            later = clock.wall() + PATIENCE + 1
            monkeypatch.setattr(type(journal), "_now", lambda _: later)
            journal.tick(clock.monotonic())
            assert room.awaited == {}
            assert room.flowing


async def test_who_does_not_come_back_has_left_when_last_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "sfu.sqlite"
    async with receiving() as receiver:
        async with hooked(store, receiver) as backend:
            await backend.create()
            backend.join("ann")
            backend.join("bob")
            backend.join("eve")
            await backend.journal.durable()
            await receiver.until("participant.joined")
            await kill(backend.server)
        async with hooked(store, receiver) as backend:
            journal = backend.journal
            absent = journal.absent("acme", "hall")
            assert sorted(stay.identity for stay in absent) == ["ann", "bob", "eve"]
            assert absent[0].resume is not None
            # One comes back to the same stay, one joins anew, one never.
            backend.join("ann")
            backend.live().execute(Leave("p-ann"), "p-ann")
            backend.live().join(Join("p-bob-2", "bob", "Bob", Role.ATTENDEE))
            clock = backend.server.rooms.clock
            later = clock.wall() + PATIENCE + 1
            monkeypatch.setattr(type(journal), "_now", lambda _: later)
            journal.tick(clock.monotonic())
            await journal.durable()
            items = (await backend.ask("GET", "/v1/usage"))["items"]
            assert [(item["participant"], item["reason"]) for item in items] == [
                ("p-ann", "left"),
                ("p-bob", "replaced"),
                ("p-eve", "disconnected"),
            ]
            await receiver.until("participant.left", 3)
        # What was under way when the server was killed may come again, under the same id.
        bodies = {body["id"]: body for body in receiver.bodies}
        names = [
            (body["event"], body["participant"]["id"])
            for body in bodies.values()
            if body["event"].startswith("participant.")
        ]
        # Nobody is told to have joined twice.
        assert names.count(("participant.joined", "p-ann")) == 1
        assert names.count(("participant.left", "p-eve")) == 1
        assert len(names) == len(set(names))


async def test_what_presenters_decided_about_people_outlives_a_restart(tmp_path: Path) -> None:
    store = tmp_path / "sfu.sqlite"
    async with serving(store) as backend:
        await backend.create(kind="meeting", permanent=True)
        live = backend.live()
        for name in ("ann", "tom", "eve"):
            backend.join(name)
        backend.join("pia", Role.PRESENTER)
        live.execute(Lock(True), None)
        backend.join("bob")
        live.execute(Admit("p-bob"), None)
        live.execute(Block("p-ann", True), None)
        live.execute(Allow("p-tom", frozenset({Source.MICROPHONE})), None)
        live.execute(RevokeSeat("p-pia"), None)
        live.execute(Block("p-eve", True), None)
        live.execute(Block("p-eve", False), None)
        await kill(backend.server)
    async with serving(store) as backend:
        live = backend.live()
        for name in ("ann", "tom", "eve"):
            live.join(Join(f"p-{name}", name, name, Role.ATTENDEE, returning=True))
        live.join(Join("p-pia-2", "pia", "Pia", Role.PRESENTER))
        live.join(Join("p-bob-2", "bob", "Bob", Role.ATTENDEE))
        with pytest.raises(Refusal, match="blocked"):
            live.room.check_publish("p-ann", [Source.MICROPHONE])
        with pytest.raises(Refusal, match="do not allow"):
            live.room.check_publish("p-tom", [Source.CAMERA])
        live.room.check_publish("p-eve", [Source.CAMERA])
        assert live.room.role_of("p-pia-2") is Role.ATTENDEE
        assert "p-bob-2" in live.room.participants
        kept = await backend.journal.store.identities("acme", "hall")
        assert sorted(kept) == ["ann", "bob", "pia", "tom"]
        # All of it is for one event.
        await backend.ask("POST", "/v1/rooms/hall/end")
        await kill(backend.server)
    async with serving(store) as backend:
        assert await backend.journal.store.identities("acme", "hall") == {}
        assert (backend.live().room.records, backend.live().room.admitted) == ({}, set())


@pytest.mark.parametrize("barrier", ["preparing", "full"])
async def test_who_was_inside_comes_back_inside_and_their_stay_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, barrier: str
) -> None:
    store = tmp_path / "sfu.sqlite"
    async with serving(store) as backend:
        await backend.create(start=barrier == "full", limits={"attendees": 1})
        live = backend.live()
        backend.join("ann")
        if barrier == "preparing":
            live.execute(Admit("p-ann"), None)
        backend.join("bob")
        assert ([*live.room.participants], [*live.room.waiting]) == (["p-ann"], ["p-bob"])
        await kill(backend.server)
    async with serving(store) as backend:
        live, journal, clock = backend.live(), backend.journal, backend.server.rooms.clock
        live.join(Join("p-bob-2", "bob", "Bob", Role.ATTENDEE))
        live.join(Join("p-ann", "ann", "Ann", Role.ATTENDEE, returning=True))
        later = clock.wall() + PATIENCE + 350
        monkeypatch.setattr(type(journal), "_now", lambda _: later)
        journal.tick(clock.monotonic())
        live.execute(Leave("p-ann"), "p-ann")
        await journal.durable()
        (stay,) = (await backend.ask("GET", "/v1/usage"))["items"]
        assert (stay["participant"], stay["reason"]) == ("p-ann", "left")
        assert stay["seconds_by_role"]["attendee"] > 350


async def test_one_command_is_one_commit(tmp_path: Path) -> None:
    async with serving(tmp_path / "sfu.sqlite") as backend:
        await backend.create()
        backend.join("ann")
        await backend.journal.durable()
        commits: list[Sequence[Write]] = []
        keep = backend.journal.store.keep

        def counted(writes: Sequence[Write]) -> Any:
            if not all(isinstance(write, BY_THEMSELVES) for write in writes):
                commits.append(writes)
            return keep(writes)

        backend.journal.store.keep = counted  # type: ignore[method-assign]
        await backend.ask("DELETE", "/v1/rooms/hall", 204)
        assert len(commits) == 1


async def test_what_concerns_no_store_writes_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path / "sfu.sqlite") as backend:
        await backend.create()
        backend.join("ann")
        written = backend.journal.written
        backend.live().execute(SetStatus("p-ann", "hand"), "p-ann")
        assert backend.journal.written is written


async def test_who_waits_for_what_cannot_be_kept_learns_of_it(tmp_path: Path) -> None:
    async with serving(tmp_path / "sfu.sqlite") as backend:
        await backend.create()
        await backend.journal.store.close()
        backend.join("ann")  # the room itself goes on
        with pytest.raises(StoreError):
            await backend.journal.durable()


async def test_rooms_of_joins_are_forgotten_in_good_order_only(tmp_path: Path) -> None:
    environ = {
        "SFU_MEDIA__UDP_PORT": "0",
        "SFU_STORE__PATH": str(tmp_path / "sfu.sqlite"),
        "SFU_TENANTS__ACME__SECRET": SECRET,
    }
    config = load(None, environ, dev=True)
    async with Server(config, dev=True) as server:
        server.rooms.create("dev", "joined", Options())
        server.rooms.create("dev", "made", Options(), state=State.PREPARING)
        await kill(server)
    async with Server(config, dev=True) as server:
        assert {live.room.id for live in server.rooms} == {"joined", "made"}
    async with Server(config, dev=True) as server:
        assert {live.room.id for live in server.rooms} == {"made"}
