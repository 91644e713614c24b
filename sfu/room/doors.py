"""Coming and going: who gets in, who waits for what, who is sent away."""

from typing import Final

from sfu.commands import Join
from sfu.errors import Refusal
from sfu.events import (
    Change,
    ParticipantAdmitted,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantTurnedAway,
    ParticipantWaiting,
    RoomNearlyFull,
)
from sfu.options import Mode, State
from sfu.participant import Participant, Role
from sfu.room import publishing, seats
from sfu.room.queue import WAITS
from sfu.room.state import Record, RoomState

ADMISSIONS_PER_SECOND: Final = 200.0
"""How fast a queue is let in whose way has become free."""
NEARLY_FULL: Final = 0.9
"""Share of the places at which presenters are warned."""
FULL_NO_LONGER: Final = 0.85
"""Share below which they may be warned again."""


def join(room: RoomState, command: Join, now: float) -> list[Change]:
    """Lets somebody in, or has them wait; who has the same identity goes. Who was inside before a
    restart never waits, and finds their place kept for as long as they may come back."""
    kept = room.records.get(command.identity, Record())
    demoted = kept.demoted and command.role is Role.PRESENTER
    role = Role.ATTENDEE if demoted else command.role
    if command.identity in room.banned:
        raise Refusal("banned", "banned for this event")
    if role is Role.VIEWER and room.options.kind != "webcast":
        raise Refusal("not_allowed", "viewers are let into webcasts only")
    if room.state is State.ENDED and not room.options.permanent:
        raise Refusal("room_ended", "the event is over")
    former = room.identities.get(command.identity)
    awaited = command.returning or command.identity in room.awaited
    was_inside = former in room.participants or command.returning
    crowded = former is None and len(room.waiting) >= room.options.waiting
    if crowded and not awaited and _waits(room, command):
        raise Refusal("room_full", "no place is left, not even for waiting")
    newcomer = Participant(
        id=command.participant,
        identity=command.identity,
        name=command.name,
        role=role,
        joined_at=now,
        can=command.can,
        metadata=command.metadata,
        client=command.client,
        blocked=kept.blocked,
        allowed=kept.allowed,
        jti=command.jti,
        resume=command.resume,
    )
    room.awaited.pop(command.identity, None)
    changes: list[Change] = leave(room, former, "replaced") if former is not None else []
    room.identities[newcomer.identity] = newcomer.id
    # Who comes back goes on with their stay, which would be over by the time they are let in.
    reason = None if command.returning else barrier(room, newcomer)
    if was_inside and reason == "locked":
        reason = None
    is_expected = was_inside or awaited
    if reason is None and not is_expected and not role.presents and room.waiting:
        reason = "queue"
    if reason is None:
        return changes + _enter(room, newcomer, now, command.seat)
    room.waiting.put(newcomer, let_in=newcomer.identity in room.admitted)
    changes.append(ParticipantWaiting(newcomer, reason))
    return changes + follow_up(room, changes, now)


def barrier(room: RoomState, participant: Participant) -> str | None:
    """What somebody would have to wait for: preparing, locked, full, or nothing."""
    if participant.role.presents:
        return None
    if participant.identity not in room.admitted:
        if room.state is not State.LIVE:
            return "preparing"
        if room.locked:
            return "locked"
    return "full" if _is_full(room, participant.role) else None


def positions(room: RoomState) -> dict[str, int]:
    """Everybody's place in the queue, from 1."""
    return {id: number for number, id in enumerate(room.waiting, 1)}


def leave(room: RoomState, id: str, reason: str) -> list[Change]:
    """Somebody goes, from inside or from the door."""
    if id in room.waiting:
        gone = room.waiting.take(id)
        del room.identities[gone.identity]
        return [ParticipantTurnedAway(gone, reason)]
    leaver = room.participant(id)
    changes = publishing.end(room, leaver, list(leaver.tracks))
    del room.participants[leaver.id]
    del room.identities[leaver.identity]
    room.counts[leaver.role] -= 1
    changes += seats.stand(room, leaver)
    return [*changes, ParticipantLeft(leaver, reason)]


def remove(room: RoomState, id: str, ban: bool, reason: str) -> list[Change]:
    """Sends somebody away, for good when banned."""
    target = room.waiting.get(id) or room.participant(id)
    if ban:
        room.banned.add(target.identity)
    room.admitted.discard(target.identity)
    return leave(room, id, "banned" if ban else reason)


def admit(room: RoomState, id: str | None, now: float) -> list[Change]:
    """Opens the door for one, or for all who wait; a place they need all the same."""
    if id is None:
        room.open_door(each.identity for each in room.waiting.values())
        room.waiting.let_in_all()
        return []
    guest = room.waiting.get(id)
    if guest is None:
        raise Refusal("not_waiting", "this participant does not wait")
    if _is_full(room, guest.role):
        raise Refusal("room_full", "the room has no place left")
    room.open_door([guest.identity])
    return _let_in(room, guest, now)


def follow_up(room: RoomState, changes: list[Change], now: float) -> list[Change]:
    """Whoever waits and whose way is free comes in, in order and at a bounded rate."""
    allowance = (now - room.admissions_at) * ADMISSIONS_PER_SECOND
    room.admissions = min(ADMISSIONS_PER_SECOND / 2, room.admissions + max(0.0, allowance))
    room.admissions_at = now
    room.flowing = False
    entered: list[Change] = []
    while (guest := _next(room)) is not None:
        if room.admissions < 1:
            room.flowing = True
            break
        room.admissions -= 1
        entered += _let_in(room, guest, now)
    return entered


def warn(room: RoomState) -> list[Change]:
    """Tells once that few places are left."""
    places = room.options.attendees
    people = room.counts[Role.ATTENDEE]
    if people < places * FULL_NO_LONGER:
        room.nearly_full = False
    if room.nearly_full or people < places * NEARLY_FULL:
        return []
    room.nearly_full = True
    return [RoomNearlyFull(people, places)]


def _next(room: RoomState) -> Participant | None:
    """Whose way is free, the first of them; found without a look at all: there may be thousands."""
    if not room.waiting:
        return None
    roles = [role for role in WAITS if not _is_full(room, role)]
    return room.waiting.first(roles, let_in=room.state is not State.LIVE or room.locked)


def _waits(room: RoomState, command: Join) -> bool:
    guest = Participant(command.participant, command.identity, command.name, command.role, 0.0)
    return barrier(room, guest) is not None


def _let_in(room: RoomState, guest: Participant, now: float) -> list[Change]:
    room.waiting.take(guest.id)
    return [ParticipantAdmitted(guest), *_enter(room, guest, now)]


def _enter(
    room: RoomState, newcomer: Participant, now: float, wanted: int | None = None
) -> list[Change]:
    newcomer.joined_at = now
    room.participants[newcomer.id] = newcomer
    room.counts[newcomer.role] += 1
    seat = seats.free(room, newcomer.role, wanted)
    newcomer.seat = seat
    changes: list[Change] = [ParticipantJoined(newcomer)]
    if seat is not None:
        changes += seats.sit(room, newcomer, seat)
    return changes + warn(room)


def _is_full(room: RoomState, role: Role) -> bool:
    if role is Role.VIEWER:
        return room.taken(Role.VIEWER) >= room.options.viewers
    people = len(room.participants) + len(room.awaited) - room.taken(Role.VIEWER)
    if room.mode is Mode.MEETING and people >= room.options.meeting:
        return True
    return room.taken(Role.ATTENDEE) >= room.options.attendees
