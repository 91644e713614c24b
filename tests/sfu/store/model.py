"""What a store should hold after a sequence of commits, worked out in plain Python.

`commit_of(seed, n)` is the n-th commit of a random sequence: it depends on
nothing else, so that whoever finds a store can say what must be in it.
"""

import random
from dataclasses import dataclass, field

from sfu.bandwidth.stills import Freezes
from sfu.participant import Role
from sfu.store import Store
from sfu.store.records import (
    Document,
    Event,
    LastSeen,
    Stay,
    Totals,
    event_record,
    participant_record,
)
from sfu.store.writes import (
    AddUsage,
    CloseEvent,
    CloseStay,
    Enqueue,
    OpenEvent,
    OpenStay,
    RemoveBan,
    RemoveIdentity,
    RemoveRoom,
    RevokeToken,
    SaveBan,
    SaveIdentity,
    SaveRoom,
    TouchStays,
    Write,
)

NOW = 1_700_000_000.0
FAR = NOW * 2
ROOMS = ("a", "b", "c")


def commit_of(seed: int, n: int) -> list[Write]:
    """A few random writes, and one that tells that this commit was carried out."""
    chance = random.Random(f"{seed}/{n}")
    now = NOW + n
    writes = [_write(chance, n, now) for _ in range(chance.randrange(1, 8))]
    place = chance.randrange(len(writes) + 1)
    return [*writes[:place], SaveRoom("acme", "progress", {"n": n}, n), *writes[place:]]


def _write(chance: random.Random, n: int, now: float) -> Write:
    room = chance.choice(ROOMS)
    some = max(0, n - chance.randrange(12))
    event = Event(f"e{some // 10}", "acme", room, "webinar", NOW)
    stay = Stay(f"p{some}", "acme", "a", event.id, f"i{some % 7}", NOW + some, Role.ATTENDEE, now)
    announce = chance.random() < 0.5
    choices: list[Write] = [
        SaveRoom("acme", room, {"x" * chance.randrange(50): n}, n),
        RemoveRoom("acme", room),
        SaveBan("acme", room, f"i{some}", now),
        RemoveBan("acme", room, f"i{some}"),
        SaveIdentity("acme", room, f"i{some}", {"n": n}),
        RemoveIdentity("acme", room, f"i{some}"),
        RevokeToken("acme", f"j{some}", now),
        OpenStay(stay),
        OpenStay(stay.with_role(Role.PRESENTER, now)),
        TouchStays(
            now,
            {
                f"p{some}": Totals(n, 2, 3.5, 12.5, Freezes(n, 1, 2, 0.5, 1.5, 2.5)),
                f"p{some + 1}": Totals(n, 1),
            },
        ),
        CloseStay(stay, now, "left", Totals(1, 2), now, announce),
        CloseStay(stay, now, "left", Totals(1, 2), now, announce),
        OpenEvent(event),
        CloseEvent(event.id, event, now, "ended", now, announce),
        CloseEvent(event.id, None, now, "ended", now),
        AddUsage("acme", room, f"u{some}", {"n": n}, now, announce),
        Enqueue("acme", room, f"h{n}-{chance.random()}", "mode.changed", now, {"n": n}),
        Enqueue("acme", room, f"h{n}-{chance.random()}", "mode.changed", now, {"n": n}),
    ]
    return chance.choice(choices)


@dataclass
class Tally:
    event: Event | None = None
    present: int = 0
    peak: int = 0
    stays: int = 0
    people: set[str] = field(default_factory=set)
    seconds: dict[Role, float] = field(default_factory=lambda: dict.fromkeys(Role, 0.0))


@dataclass
class Model:
    """A store as simple as can be."""

    rooms: dict[tuple[str, str], tuple[int, Document]] = field(default_factory=dict)
    bans: dict[str, set[str]] = field(default_factory=lambda: {room: set() for room in ROOMS})
    identities: dict[str, dict[str, Document]] = field(
        default_factory=lambda: {room: {} for room in ROOMS}
    )
    revoked: set[tuple[str, str]] = field(default_factory=set)
    stays: dict[str, LastSeen] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=dict)
    usage: dict[str, Document] = field(default_factory=dict)
    enqueued: dict[str, list[str]] = field(default_factory=lambda: {room: [] for room in ROOMS})

    def apply(self, write: Write) -> None:
        match write:
            case SaveRoom(tenant, id, document, version):
                self.rooms[tenant, id] = (version, document)
            case RemoveRoom(tenant, id):
                self.rooms.pop((tenant, id), None)
                self.bans.get(id, set()).clear()
                self.identities.get(id, {}).clear()
            case SaveBan(_, room, identity, _):
                self.bans[room].add(identity)
            case RemoveBan(_, room, identity):
                self.bans[room].discard(identity)
            case SaveIdentity(_, room, identity, document):
                self.identities[room][identity] = document
            case RemoveIdentity(_, room, str(identity)):
                self.identities[room].pop(identity, None)
            case RevokeToken(tenant, jti, _):
                self.revoked.add((tenant, jti))
            case OpenStay(stay):
                self._open(stay)
            case TouchStays(at, totals):
                for id, each in totals.items():
                    if id in self.stays:
                        known = self.stays[id]
                        self.stays[id] = LastSeen(known.stay, at, each)
            case CloseStay():
                self._close(write)
            case OpenEvent(event):
                self.tallies.setdefault(event.id, Tally()).event = event
            case CloseEvent():
                self._close_event(write)
            case AddUsage(tenant, room, id, record, _, announce):
                self._add(id, room, {**record, "id": id, "tenant": tenant, "room": room}, announce)
            case Enqueue(_, room, id):
                self.enqueued[room].append(id)
            case _:
                raise AssertionError(write)

    def _open(self, stay: Stay) -> None:
        known = self.stays.get(stay.id)
        if known is not None:
            self.stays[stay.id] = LastSeen(stay, max(known.seen_at, stay.since), known.totals)
        elif f"stay-{stay.id}" not in self.usage:
            self.stays[stay.id] = LastSeen(stay, stay.since, Totals())
            tally = self.tallies.setdefault(stay.event, Tally())
            tally.stays += 1
            tally.present += 1
            tally.peak = max(tally.peak, tally.present)
            tally.people.add(stay.identity)

    def _close(self, write: CloseStay) -> None:
        stay = write.stay
        if self.stays.pop(stay.id, None) is None:
            return
        tally = self.tallies.get(stay.event)
        if tally is not None:
            tally.present -= 1
            for role, seconds in stay.seconds(write.left_at).items():
                tally.seconds[role] += seconds
        record = participant_record(stay, write.left_at, write.reason, write.totals)
        self._add(f"stay-{stay.id}", stay.room, record, write.announce)

    def _close_event(self, write: CloseEvent) -> None:
        tally = self.tallies.pop(write.id, None)
        if tally is None or write.event is None:
            return
        counted = {
            "peak_attendance": tally.peak,
            "participants": len(tally.people),
            "stays": tally.stays,
            "seconds_by_role": tally.seconds,
        }
        record = {**event_record(write.event, write.ended_at, write.reason), **counted}
        self._add(f"event-{write.id}", write.event.room, record, write.announce)

    def _add(self, id: str, room: str, record: Document, announce: bool) -> None:
        if id not in self.usage:
            self.usage[id] = record
            if announce:
                self.enqueued[room].append(f"usage-{id}")


async def progress(store: Store) -> int:
    """How many commits have been carried out."""
    room = await store.room("acme", "progress")
    return 0 if room is None else room.version + 1


async def check(store: Store, model: Model) -> None:
    """The store holds what the model does, but for the webhooks, which may be delivered."""
    rooms = {(room.tenant, room.id): (room.version, room.document) for room in await store.rooms()}
    assert rooms == model.rooms
    assert {room: await store.bans("acme", room) for room in ROOMS} == model.bans
    kept = {room: await store.identities("acme", room) for room in ROOMS}
    assert kept == model.identities
    assert await store.revoked(0) == model.revoked
    assert {each.stay.id: each for each in await store.open_stays()} == model.stays
    events = {event.id: event for event in await store.open_events()}
    assert events == {id: each.event for id, each in model.tallies.items() if each.event}
    usage = (await store.usage("acme", limit=1_000_000)).items
    assert [record["id"] for record in usage] == list(model.usage)
    assert usage == list(model.usage.values())


async def waiting(store: Store) -> dict[str, list[str]]:
    """The ids of the webhooks that wait, by room."""
    return {
        room: [each.id for each in await store.outbox("acme", room, 1_000_000)] for room in ROOMS
    }
