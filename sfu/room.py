"""A room: who is in it, who sits where, who may send, who sees what.

The only place that decides. No I/O and no clock in here: a command and the time
go in, what changed comes out, and a `Refusal` means that nothing has changed.

    room.apply(command, actor, now) -> [Change, ...]

`actor` is the id of the participant who asks, or None for the backend. `now`
is in seconds since the epoch and is only written down, never compared.

A seat is a slot: whoever sits in seat i is shown on slot "seat-i". Seat 0 is
kept for the organizer; the screen has a slot of its own.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from sfu.commands import Command, Join, Leave, Look, Mute, Publish, Unpublish
from sfu.errors import Refusal
from sfu.events import (
    Change,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    ScreenShown,
    SeatShown,
    Shown,
    SlotChanged,
    TrackMuted,
    TrackPublished,
    TrackUnpublished,
    ViewChanged,
)
from sfu.participant import Participant, Role, View
from sfu.track import Media, Source, Track

SCREEN: Final = "screen"


class State(StrEnum):
    """A room is in one of these."""

    PREPARING = "preparing"
    LIVE = "live"
    ENDED = "ended"


class Mode(StrEnum):
    """Who is heard and seen by whom."""

    PRESENTERS_ONLY = "presenters-only"
    WEBINAR = "webinar"
    MEETING = "meeting"


@dataclass(frozen=True, slots=True)
class Options:
    """What a room is made with; numbers are of people, `presenters` without the organizer."""

    kind: Literal["webinar", "meeting", "webcast"] = "webinar"
    video: Literal["sd", "hd"] = "sd"
    screen: Literal["lite", "hq", "browser"] = "lite"
    presenters: int = 4
    cameras: int = 4
    attendees: int = 1000
    meeting: int = 25


def slot_of(seat: int) -> str:
    """The slot that shows a seat."""
    return f"seat-{seat}"


class Room:
    """The state of one room; read freely, change by `apply` only."""

    def __init__(self, tenant: str, id: str, options: Options) -> None:
        self.tenant = tenant
        self.id = id
        self.options = options
        self.state = State.LIVE
        self.mode = Mode.WEBINAR
        self.locked = False
        self.participants: dict[str, Participant] = {}
        self.seats: list[str | None] = [None] * (1 + options.presenters)
        self.sharer: str | None = None
        """Who has the screen's slot."""
        self.counts: dict[Role, int] = dict.fromkeys(Role, 0)
        self._identities: dict[str, str] = {}
        self._shown: dict[str, Shown] = dict.fromkeys(self.slots)

    @property
    def slots(self) -> list[str]:
        """The names of all slots: the seats, then the screen."""
        return [slot_of(seat) for seat in range(len(self.seats))] + [SCREEN]

    def shown(self, slot: str) -> Shown:
        """What a slot shows."""
        return self._shown[slot]

    def participant(self, id: str) -> Participant:
        """Raises Refusal if nobody in the room has this id."""
        found = self.participants.get(id)
        if found is None:
            raise Refusal("participant_not_found", "there is no such participant in the room")
        return found

    def apply(self, command: Command, actor: str | None, now: float) -> list[Change]:
        """Carries a command out, whole or not at all; gives what changed, in order."""
        match command:
            case Join():
                changes = self._join(command, now)
            case Leave(id, reason):
                changes = self._leave(self.participant(id), reason)
            case Publish(id, sources):
                changes = self._publish(self.participant(id), dict(sources))
            case Unpublish(id, source):
                changes = self._unpublish(self.participant(id), source)
            case Mute(id, source, muted):
                changes = self._mute(self.participant(id), source, muted, actor)
            case Look(id, view):
                changes = self._look(self.participant(id), view)
        return changes

    # Coming and going

    def _join(self, command: Join, now: float) -> list[Change]:
        role = command.role
        former = self._identities.get(command.identity)
        if role is Role.VIEWER and self.options.kind != "webcast":
            raise Refusal("not_allowed", "viewers are let into webcasts only")
        staying = self.counts[Role.ATTENDEE]
        if former is not None and self.participants[former].role is Role.ATTENDEE:
            staying -= 1
        if role is Role.ATTENDEE and staying >= self.options.attendees:
            raise Refusal("room_full", "the room has no place left")
        changes: list[Change] = []
        if former is not None:
            changes += self._leave(self.participants[former], "replaced")
        newcomer = Participant(
            id=command.participant,
            identity=command.identity,
            name=command.name,
            role=role,
            joined_at=now,
            can=command.can,
            metadata=command.metadata,
            client=command.client,
        )
        self.participants[newcomer.id] = newcomer
        self._identities[newcomer.identity] = newcomer.id
        self.counts[role] += 1
        newcomer.seat = self._free_seat(role)
        changes.append(ParticipantJoined(newcomer))
        if newcomer.seat is not None:
            self.seats[newcomer.seat] = newcomer.id
            changes += self._show(slot_of(newcomer.seat))
        return changes

    def _free_seat(self, role: Role) -> int | None:
        if role is Role.ORGANIZER and self.seats[0] is None:
            return 0
        if role.presents:
            for seat in range(1, len(self.seats)):
                if self.seats[seat] is None:
                    return seat
        return None

    def _leave(self, leaver: Participant, reason: str) -> list[Change]:
        changes = self._end(leaver, list(leaver.tracks))
        del self.participants[leaver.id]
        del self._identities[leaver.identity]
        self.counts[leaver.role] -= 1
        if leaver.seat is not None:
            self.seats[leaver.seat] = None
            changes += self._show(slot_of(leaver.seat))
        changes.append(ParticipantLeft(leaver, reason))
        return changes

    # Publishing

    def _publish(self, publisher: Participant, sources: dict[Source, Media]) -> list[Change]:
        for source in sources:
            self._check_may_publish(publisher, source)
        kept = {s: t for s, t in publisher.tracks.items() if sources.get(s) == t.media}
        ended = [source for source in publisher.tracks if source not in kept]
        muted = {source for source in ended if publisher.tracks[source].muted}
        changes = self._end(publisher, ended, tell=False)
        for source, media in sources.items():
            if source not in kept:
                # The same source on another stream is still the same source: a mute stays.
                track = Track(publisher.id, source, media, muted=source in muted)
                publisher.tracks[source] = track
                changes.append(TrackPublished(track))
                if source.is_screen:
                    self.sharer = publisher.id
        if changes:
            changes += self._show_all(publisher)
            changes.append(ParticipantUpdated(publisher))
        return changes

    def _check_may_publish(self, publisher: Participant, source: Source) -> None:
        if not publisher.role.presents:
            raise Refusal(
                "not_allowed", f"the role {publisher.role} may not publish now"
            )
        if publisher.can is not None and source not in publisher.can:
            raise Refusal("not_allowed", f"the token does not allow {source}")
        if publisher.seat is None:
            raise Refusal("no_seat", "no seat is free, and only who has one may publish")
        if source.is_screen and self.sharer not in (None, publisher.id):
            assert self.sharer is not None
            other = self.participants[self.sharer]
            raise Refusal("screen_busy", f"{other.name} is sharing a screen", participant=other.id)

    def _unpublish(self, publisher: Participant, source: Source) -> list[Change]:
        if source not in publisher.tracks:
            return []
        return [*self._end(publisher, [source]), ParticipantUpdated(publisher)]

    def _end(
        self, publisher: Participant, sources: list[Source], *, tell: bool = True
    ) -> list[Change]:
        changes: list[Change] = [TrackUnpublished(publisher.tracks.pop(s)) for s in sources]
        if self.sharer == publisher.id and not any(s.is_screen for s in publisher.tracks):
            self.sharer = None
            if tell:
                changes += self._show(SCREEN)
        if tell:
            changes += self._show_all(publisher)
        return changes

    def _mute(
        self, target: Participant, source: Source, muted: bool, actor: str | None
    ) -> list[Change]:
        if actor != target.id:
            if actor is not None and not self.participant(actor).role.presents:
                raise Refusal("not_allowed", "only presenters mute others")
            if not muted:
                raise Refusal("not_allowed", "nobody unmutes somebody else")
        track = target.tracks.get(source)
        if track is None:
            raise Refusal("not_published", f"{source} is not published")
        if track.muted == muted:
            return []
        track.muted = muted
        changes: list[Change] = [TrackMuted(track, muted, actor)]
        changes += self._show_all(target)
        changes.append(ParticipantUpdated(target))
        return changes

    # Slots

    def _look(self, viewer: Participant, view: View) -> list[Change]:
        for slot in view.slots:
            if slot not in self._shown:
                raise Refusal("bad_request", "there is no such slot", path=f"slots.{slot}")
        viewer.view = viewer.view.merged(view)
        return [ViewChanged(viewer)]

    def _show_all(self, participant: Participant) -> list[Change]:
        changes: list[Change] = []
        if participant.seat is not None:
            changes += self._show(slot_of(participant.seat))
        if self.sharer in (None, participant.id):
            changes += self._show(SCREEN)
        return changes

    def _show(self, slot: str) -> list[Change]:
        now_shown = self._content(slot)
        if now_shown == self._shown[slot]:
            return []
        self._shown[slot] = now_shown
        return [SlotChanged(slot, now_shown)]

    def _content(self, slot: str) -> Shown:
        if slot == SCREEN:
            if self.sharer is None:
                return None
            sharer = self.participants[self.sharer]
            return ScreenShown(
                sharer.id, sharer.sends(Source.SCREEN), sharer.sends(Source.SCREEN_AUDIO)
            )
        occupant = self.seats[int(slot.removeprefix("seat-"))]
        if occupant is None:
            return None
        seated = self.participants[occupant]
        return SeatShown(seated.id, seated.sends(Source.CAMERA), seated.sends(Source.MICROPHONE))
