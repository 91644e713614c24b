"""What backends are told of by webhook: the name of the event, and what its body says of it."""

from sfu.events import (
    Change,
    LockChanged,
    ModeChanged,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantTurnedAway,
    ParticipantWaiting,
    RoomEnded,
    RoomNearlyFull,
    RoomOpened,
    RoomStarted,
    SeatGranted,
    SeatRevoked,
)
from sfu.participant import Participant
from sfu.room import Room
from sfu.store.records import Stay

Announcement = tuple[str, dict[str, object]]


def announcement(room: Room, change: Change) -> Announcement | None:
    """None for what no backend is told of; `usage` is announced by the store itself."""
    match change:
        case RoomOpened():
            return "room.created", {"state": room.state.value, "kind": room.options.kind}
        case RoomStarted():
            return "room.started", {"kind": room.options.kind}
        case RoomEnded():
            return "room.ended", {}
        case RoomNearlyFull(people, places):
            return "room.nearly_full", {"people": people, "places": places}
        case LockChanged(locked, by):
            return "room.locked" if locked else "room.unlocked", {"by": by}
        case ModeChanged(mode, by):
            return "mode.changed", {"mode": mode.value, "by": by}
        case SeatGranted(participant, seat, by):
            return "seat.granted", {"participant": person(participant), "seat": seat, "by": by}
        case SeatRevoked(participant, seat, by):
            return "seat.revoked", {"participant": person(participant), "seat": seat, "by": by}
        case ParticipantWaiting(participant, reason):
            return "participant.waiting", {"participant": person(participant), "reason": reason}
        case ParticipantJoined(participant):
            return "participant.joined", {"participant": person(participant)}
        case ParticipantLeft(participant, reason):
            return left(person(participant), reason, waited=False)
        case ParticipantTurnedAway(participant, reason):
            return left(person(participant), reason, waited=True)
    return None


def person(participant: Participant) -> dict[str, object]:
    """Somebody, as webhooks name them."""
    return {
        "id": participant.id,
        "identity": participant.identity,
        "name": participant.name,
        "role": participant.role.value,
        "seat": participant.seat,
        "metadata": participant.metadata,
    }


def left(participant: dict[str, object], reason: str, *, waited: bool) -> Announcement:
    """Somebody is gone, from inside or from the door."""
    return "participant.left", {"participant": participant, "reason": reason, "waited": waited}


def lost(stay: Stay, reason: str) -> Announcement:
    """Somebody who was in the room when the server was killed, and did not come back."""
    known = stay.resume or {}
    gone: dict[str, object] = {"id": stay.id, "identity": stay.identity, "seat": None}
    gone |= {name: known.get(name) for name in ("name", "role", "metadata")}
    return left(gone, reason, waited=False)
