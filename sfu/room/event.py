"""The event as a whole: start and end, lock, mode, settings."""

from sfu.config import SLOTS
from sfu.errors import Refusal
from sfu.events import (
    Change,
    LockChanged,
    ModeChanged,
    RoomConfigured,
    RoomEnded,
    RoomStarted,
    SlotsAdded,
)
from sfu.options import Mode, Options, State
from sfu.participant import Participant, Role
from sfu.room import doors, publishing, seats
from sfu.room.state import RoomState
from sfu.track import Source


def start(room: RoomState, now: float) -> list[Change]:
    """Begins; who waited for it comes in behind this."""
    if room.state is State.ENDED and not room.options.permanent:
        raise Refusal("room_ended", "the event is over")
    room.state = State.LIVE
    room.started_at = now
    return [RoomStarted()]


def end(room: RoomState) -> list[Change]:
    """Everybody goes. The room forgets what was for this event only."""
    changes: list[Change] = []
    for id in [*room.waiting, *room.participants]:
        changes += doors.leave(room, id, "ended")
    room.state = State.ENDED
    room.banned.clear()
    room.admitted.clear()
    room.records.clear()
    room.locked = False
    room.mode = Mode.MEETING if room.options.kind == "meeting" else Mode.WEBINAR
    return [*changes, RoomEnded()]


def lock(room: RoomState, locked: bool, actor: str | None) -> list[Change]:
    """Newcomers wait, or those who wait come in behind this."""
    if room.locked == locked:
        return []
    room.locked = locked
    return [LockChanged(locked, actor)]


def set_mode(room: RoomState, mode: Mode, actor: str | None) -> list[Change]:
    """Changes who is heard and seen by whom.

    All presenters' microphones are muted but that of who did it: each turns their own on again.
    """
    if mode is room.mode:
        return []
    people = len(room.participants) - room.counts[Role.VIEWER]
    if mode is Mode.MEETING and people > room.options.meeting:
        raise Refusal(
            "mode_not_possible", f"{people} people are here, a meeting has {room.options.meeting}"
        )
    room.mode = mode
    changes: list[Change] = []
    if mode is Mode.MEETING and (added := room.add_places(room.meeting_places)):
        changes.append(SlotsAdded(tuple(added)))
    changes.append(ModeChanged(mode, actor))
    for participant in list(room.participants.values()):
        changes += publishing.end_forbidden(room, participant)
    changes += _end_cameras(room)
    for participant in room.participants.values():
        changes += _mute_microphone(room, participant, actor)
    return changes


def configure(room: RoomState, options: Options) -> list[Change]:
    """New settings, live too. Seats are never taken by this: those in use stay."""
    if options.kind != room.options.kind:
        raise Refusal("bad_request", "the kind of a room does not change", path="kind")
    if options == room.options:
        return []
    wanted = 1 + options.presenters
    if wanted + len(room.gallery) + 1 > SLOTS:
        seen = f"{len(room.gallery)} are seen without a seat"
        raise Refusal("bad_request", f"{seen}, so many seats cannot be shown", path="limits")
    room.options = options
    changes: list[Change] = []
    added: list[str] = []
    seats.drop_surplus(room)
    if wanted > len(room.seats):
        room.seats += [None] * (wanted - len(room.seats))
        added = room.add_places(wanted + len(room.gallery))
    if room.mode is Mode.MEETING:
        added += room.add_places(room.meeting_places)
    if added:
        changes.append(SlotsAdded(tuple(added)))
    changes += publishing.clear_seats(room)
    changes.append(RoomConfigured())
    for participant in list(room.participants.values()):
        changes += publishing.end_forbidden(room, participant)
    return changes + _end_cameras(room) + _seat_the_seatless(room)


def _end_cameras(room: RoomState) -> list[Change]:
    """Ends cameras beyond what the mode shows, from the last place on."""
    on = [p for p in room.participants.values() if Source.CAMERA in p.tracks]
    on.sort(key=lambda participant: participant.place or 0)
    changes: list[Change] = []
    for participant in on[room.camera_limit :]:
        changes += publishing.unpublish(room, participant, Source.CAMERA)
    return changes


def _mute_microphone(room: RoomState, participant: Participant, actor: str | None) -> list[Change]:
    track = participant.tracks.get(Source.MICROPHONE)
    if track is None or track.muted or participant.id == actor or not participant.role.presents:
        return []
    changes = publishing.set_muted(room, participant, track, True, actor)
    return [*changes, room.updated(participant)]


def _seat_the_seatless(room: RoomState) -> list[Change]:
    """Presenters who came when no seat was free get one when there is."""
    changes: list[Change] = []
    for participant in room.participants.values():
        if participant.seat is None and participant.role.presents:
            seat = seats.free(room, participant.role)
            if seat is not None:
                changes += seats.sit(room, participant, seat)
                changes.append(room.updated(participant))
    return changes
