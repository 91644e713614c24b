"""The event log of a room: who was granted, muted, admitted, removed, and so on, by whom, when.

Orders are taken down, not comings and goings: those are in the usage records.
Only what has changed something is an entry; a refusal is none.
"""

import secrets
from collections.abc import Sequence
from typing import Final

from sfu.commands import (
    Admit,
    Allow,
    Block,
    Command,
    Configure,
    End,
    GrantSeat,
    Lock,
    Mute,
    Promote,
    Remove,
    RevokeSeat,
    SetMode,
    Start,
)
from sfu.events import Change, OrderGiven
from sfu.participant import Participant
from sfu.room import Room
from sfu.store.records import rfc3339
from sfu.store.writes import LogEvent

EVENTS: Final = {
    "room.started": "the event has begun",
    "room.ended": "the event is over",
    "room.locked": "newcomers wait",
    "room.unlocked": "newcomers wait no longer",
    "room.configured": "settings have changed",
    "mode.changed": "`mode` says to what",
    "participant.admitted": "somebody who waited was let in; `all` is everybody who waited",
    "participant.removed": "somebody was sent away; `reason` says more",
    "participant.banned": "the same, for the whole event",
    "participant.blocked": "somebody may not publish",
    "participant.unblocked": "they may again",
    "participant.allowed": "`sources` are what they may publish; null is what the role gives",
    "participant.muted": "`source` of somebody was muted by somebody else",
    "participant.promoted": "a viewer has become an attendee",
    "seat.granted": "somebody has become a presenter",
    "seat.revoked": "somebody is one no longer",
}
"""Every kind of entry, and what it says."""


def order(room: Room, command: Command, actor: str | None) -> OrderGiven | None:
    """What the log will say of a command if it is carried out; None for one that is not logged.

    To be asked before: whoever ends the event, or is removed, is not there afterwards.
    """
    by = None if actor is None else room.participants.get(actor)
    told = _told(command, by)
    if told is None:
        return None
    id = getattr(command, "participant", None)
    target = None if id is None else room.participants.get(id) or room.waiting.get(id)
    assert told[0] in EVENTS
    return OrderGiven(told[0], by, target, told[1])


def given(order: OrderGiven | None, changes: Sequence[Change]) -> list[OrderGiven]:
    """The order, if it has changed something. One that admits all may do so by and by."""
    if order is None or not (changes or order.details.get("all")):
        return []
    return [order]


def write(room: Room, order: OrderGiven, now: float) -> LogEvent:
    """The entry; `now` is in seconds since the epoch."""
    entry = {
        "id": f"log-{secrets.token_hex(10)}",
        "at": rfc3339(now),
        "room": room.id,
        "event": order.event,
        "by": _person(order.by),
        "participant": _person(order.participant),
        "details": order.details,
    }
    return LogEvent(room.tenant, room.id, now, entry)


def _told(command: Command, by: Participant | None) -> tuple[str, dict[str, object]] | None:
    match command:
        case Start():
            return "room.started", {}
        case End():
            return "room.ended", {}
        case Configure():
            return "room.configured", {}
        case Lock(locked):
            return "room.locked" if locked else "room.unlocked", {}
        case SetMode(mode):
            return "mode.changed", {"mode": mode.value}
        case Admit(id):
            return "participant.admitted", {"all": id is None}
        case Remove(_, ban, reason):
            event = "participant.banned" if ban else "participant.removed"
            return event, {"reason": "banned" if ban else reason}
        case Block(_, blocked):
            return "participant.blocked" if blocked else "participant.unblocked", {}
        case Allow(_, sources):
            return "participant.allowed", {"sources": None if sources is None else sorted(sources)}
        case Mute(id, source, True) if by is None or by.id != id:
            return "participant.muted", {"source": source.value}
        case Promote():
            return "participant.promoted", {}
        case GrantSeat():
            return "seat.granted", {}
        case RevokeSeat():
            return "seat.revoked", {}
    return None


def _person(participant: Participant | None) -> dict[str, object] | None:
    if participant is None:
        return None
    return {"id": participant.id, "identity": participant.identity, "name": participant.name}
