"""Rooms as documents: what of a room survives the process, and a room made of it again.

Settings, state, lock and mode; bans are kept one by one beside it. Who is in the
room is not: people come back by themselves.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from sfu.options import Mode, Options, State
from sfu.room import Room
from sfu.store.records import Document, StoredRoom
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


def restore(stored: StoredRoom, bans: set[str]) -> tuple[Room, Kept]:
    """The room as it was last saved, with nobody in it."""
    saved: Any = stored.document
    room = Room(stored.tenant, stored.id, _options(saved["options"]), State(saved["state"]))
    room.mode = Mode(saved["mode"])
    if room.mode is Mode.MEETING:
        room.add_places(room.meeting_places)
    room.locked = saved["locked"]
    room.started_at = saved["started_at"]
    room.banned = set(bans)
    kept = Kept(
        event=saved["event"],
        created_at=saved["created_at"],
        version=stored.version,
        passing=saved["passing"],
        bans=set(bans),
    )
    return room, kept


def _options(saved: Document) -> Options:
    """Settings that this version does not know are passed over, new ones have their defaults."""
    known: dict[str, Any] = {each.name: None for each in dataclasses.fields(Options)}
    values: dict[str, Any] = {name: value for name, value in saved.items() if name in known}
    if "sources" in values:
        values["sources"] = frozenset(map(Source, values["sources"]))
    return Options(**values)
