"""What presenters decided about people: kept one by one beside their room, for one event.

Bans, and by identity whether somebody is blocked, what they may publish at most, whether their seat
was taken, whether they were let in.
"""

from collections.abc import Mapping
from typing import Any, Final

from sfu.events import (
    Change,
    ParticipantAdmitted,
    ParticipantLeft,
    ParticipantTurnedAway,
    ParticipantUpdated,
    RoomEnded,
)
from sfu.kept import Kept
from sfu.room import Room
from sfu.room.state import REMEMBERED, Record
from sfu.store.records import Document
from sfu.store.writes import RemoveBan, RemoveIdentity, SaveBan, SaveIdentity, Write
from sfu.track import Source

LET_IN: Final[Document] = {"blocked": False, "allowed": None, "demoted": False, "admitted": True}
"""The least of decisions, and the first to be forgotten."""


def writes(room: Room, kept: Kept, change: Change, now: float) -> list[Write]:
    """What a change of the room adds to what is kept, or takes from it."""
    match change:
        case ParticipantLeft(participant, "banned") | ParticipantTurnedAway(participant, "banned"):
            kept.bans.add(participant.identity)
            ban = SaveBan(room.tenant, room.id, participant.identity, now)
            return [ban, *_decided(room, kept, participant.identity)]
        case ParticipantLeft(_, "ended"):
            return []  # the end is all there is to keep
        case (
            ParticipantUpdated(participant)
            | ParticipantAdmitted(participant)
            | ParticipantLeft(participant, _)
            | ParticipantTurnedAway(participant, _)
        ):
            return _decided(room, kept, participant.identity)
        case RoomEnded():
            return _forget(room, kept)
    return []


def recall(room: Room, kept: Kept, bans: set[str], identities: Mapping[str, Document]) -> None:
    """Puts what is kept back into the room."""
    room.banned, kept.bans = set(bans), set(bans)
    kept.identities = dict(identities)
    for identity, saved in identities.items():
        known: Any = saved
        sources = known["allowed"]
        allowed = None if sources is None else frozenset(map(Source, sources))
        record = Record(known["blocked"], allowed, known["demoted"])
        if record != Record():
            room.records[identity] = record
        if known["admitted"]:
            room.admitted.add(identity)


def _decided(room: Room, kept: Kept, identity: str) -> list[Write]:
    decision = _decision(room, identity)
    if decision == kept.identities.get(identity):
        return []
    if decision is None:
        del kept.identities[identity]
        return [RemoveIdentity(room.tenant, room.id, identity)]
    kept.identities[identity] = decision
    saved: list[Write] = [SaveIdentity(room.tenant, room.id, identity, decision)]
    if len(kept.identities) > REMEMBERED:
        merely = (who for who, each in kept.identities.items() if each == LET_IN)
        oldest = next(merely, next(iter(kept.identities)))
        del kept.identities[oldest]
        saved.append(RemoveIdentity(room.tenant, room.id, oldest))
    return saved


def _decision(room: Room, identity: str) -> Document | None:
    record, admitted = room.records.get(identity), identity in room.admitted
    if record is None:
        return LET_IN if admitted else None
    if record == Record() and not admitted:
        return None
    return {
        "blocked": record.blocked,
        "allowed": None if record.allowed is None else sorted(record.allowed),
        "demoted": record.demoted,
        "admitted": admitted,
    }


def _forget(room: Room, kept: Kept) -> list[Write]:
    bans, kept.bans = sorted(kept.bans), set()
    over: list[Write] = [RemoveBan(room.tenant, room.id, identity) for identity in bans]
    if kept.identities:
        kept.identities = {}
        over.append(RemoveIdentity(room.tenant, room.id, None))
    return over
