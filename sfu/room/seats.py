"""Seats: given and taken in place, without anybody's connection being touched."""

from sfu.errors import Refusal
from sfu.events import Change, SeatGranted, SeatRevoked
from sfu.participant import Participant, Role
from sfu.room import publishing
from sfu.room.state import RoomState, slot_of


def free(room: RoomState, role: Role, wanted: int | None = None) -> int | None:
    """The seat that somebody of this role would get, the `wanted` one before others; seat 0 is for
    an organizer only."""
    # After a change of settings more seats may be in use than there are to be.
    taken = len(room.seats) - 1 - room.seats[1:].count(None)
    left = role.presents and taken < room.options.presenters
    if left and wanted is not None and wanted > 0 and room.seats[wanted : wanted + 1] == [None]:
        return wanted
    if role is Role.ORGANIZER and room.seats[0] is None:
        return 0
    return room.seats.index(None, 1) if left else None


def drop_surplus(room: RoomState) -> None:
    """Takes away the last seats as far as they are free and more than there are to be."""
    while len(room.seats) > 1 + room.options.presenters and room.seats[-1] is None:
        room.seats.pop()


def sit(room: RoomState, participant: Participant, seat: int) -> list[Change]:
    """Seats somebody; a place of the gallery is left behind."""
    changes: list[Change] = []
    if participant.gallery is not None:
        place, participant.gallery = participant.gallery, None
        del room.gallery[place]
        changes += room.show(slot_of(place))
    participant.seat = seat
    room.seats[seat] = participant.id
    return changes + room.show(slot_of(seat))


def stand(room: RoomState, participant: Participant) -> list[Change]:
    """Frees somebody's seat, if they have one."""
    if participant.seat is None:
        return []
    seat, participant.seat = participant.seat, None
    room.seats[seat] = None
    drop_surplus(room)
    return room.show(slot_of(seat))


def set_role(room: RoomState, participant: Participant, role: Role) -> None:
    """Keeps the counts right."""
    room.counts[participant.role] -= 1
    room.counts[role] += 1
    participant.role = role


def grant(room: RoomState, participant: Participant, actor: str | None) -> list[Change]:
    """Makes somebody a seated presenter."""
    if participant.seat is not None:
        raise Refusal("already_seated", f"{participant.name} has a seat")
    role = Role.ORGANIZER if participant.role is Role.ORGANIZER else Role.PRESENTER
    seat = free(room, role)
    if seat is None:
        raise Refusal("no_seat", "no seat is free")
    set_role(room, participant, role)
    room.record(participant).demoted = False
    changes = sit(room, participant, seat)
    return [*changes, SeatGranted(participant, seat, actor), room.updated(participant)]


def revoke(room: RoomState, participant: Participant, actor: str | None) -> list[Change]:
    """Takes a seat: unpublished at once, an attendee from now on."""
    if participant.role is Role.ORGANIZER and actor is not None:
        raise Refusal("not_allowed", "nobody takes the organizer's seat")
    if participant.seat is None:
        raise Refusal("no_seat", f"{participant.name} has no seat")
    seat = participant.seat
    changes = publishing.end(room, participant, list(participant.tracks))
    changes += stand(room, participant)
    set_role(room, participant, Role.ATTENDEE)
    room.record(participant).demoted = True
    return [*changes, SeatRevoked(participant, seat, actor), room.updated(participant)]
