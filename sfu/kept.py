"""Rooms as documents: what of a room survives the process, and a room made of it again.

Settings, state, lock and mode; what was decided about people is kept beside it
(`sfu.decisions`). Who is in the room is a stay of theirs: people come back by themselves.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from sfu.options import Mode, Options, State
from sfu.participant import Participant
from sfu.room import Room
from sfu.store.records import Document, Event, Stay, StoredRoom
from sfu.track import Source


@dataclass(slots=True)
class Kept:
    """What is known of a room besides what it knows itself.

    `version` rises with everything that is saved of it. `event` names its
    current run, or the next one. `passing` rooms were made by a join, and are
    forgotten when the server stops in good order.
    """

    event: str
    created_at: float
    version: int = 0
    passing: bool = False
    bans: set[str] = field(default_factory=set)
    identities: dict[str, Document] = field(default_factory=dict)
    """What was decided about people (`sfu.decisions`)."""


def document(room: Room, kept: Kept) -> dict[str, object]:
    """The room as JSON."""
    options = dataclasses.asdict(room.options)
    options["sources"] = sorted(room.options.sources)
    return {
        "options": options,
        "state": room.state.value,
        "mode": room.mode.value,
        "locked": room.locked,
        "started_at": room.started_at,
        "event": kept.event,
        "created_at": kept.created_at,
        "passing": kept.passing,
    }


def restore(stored: StoredRoom) -> tuple[Room, Kept]:
    """The room as it was last saved, with nobody in it."""
    saved: Any = stored.document
    room = Room(stored.tenant, stored.id, _options(saved["options"]), State(saved["state"]))
    room.mode = Mode(saved["mode"])
    if room.mode is Mode.MEETING:
        room.add_places(room.meeting_places)
    room.locked = saved["locked"]
    room.started_at = saved["started_at"]
    kept = Kept(
        event=saved["event"],
        created_at=saved["created_at"],
        version=stored.version,
        passing=saved["passing"],
    )
    return room, kept


def make_stay(room: Room, kept: Kept, participant: Participant) -> Stay:
    """That of somebody who has just come in."""
    return Stay(
        id=participant.id,
        tenant=room.tenant,
        room=room.id,
        event=kept.event,
        identity=participant.identity,
        joined_at=participant.joined_at,
        role=participant.role,
        since=participant.joined_at,
        client=participant.client,
        resume=resumption(participant),
    )


def resumption(participant: Participant) -> dict[str, object]:
    """What a session needs to go on with somebody's stay after a restart."""
    return {
        "name": participant.name,
        "role": participant.role.value,
        "can": None if participant.can is None else sorted(participant.can),
        "metadata": participant.metadata,
        "seat": participant.seat,
        "jti": participant.jti,
        "token": participant.resume,
    }


def make_event(room: Room, kept: Kept, now: float) -> Event:
    """The present run of a room."""
    return Event(kept.event, room.tenant, room.id, room.options.kind, room.started_at or now)


def _options(saved: Document) -> Options:
    """Settings that this version does not know are passed over, new ones have their defaults."""
    known: dict[str, Any] = {each.name: None for each in dataclasses.fields(Options)}
    values: dict[str, Any] = {name: value for name, value in saved.items() if name in known}
    if "sources" in values:
        values["sources"] = frozenset(map(Source, values["sources"]))
    return Options(**values)
