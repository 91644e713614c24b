"""What the clients of a room are told, and how often.

Slots and speaker changes go to everybody at once. Who comes and goes is
gathered: presenters are told of everybody, attendees of people on seats and of
the counts. Each event is written once, whatever the number of readers; a join
costs one answer and a share of a gathered event.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from sfu.events import (
    Change,
    Notice,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    Picture,
    QualityChanged,
    SlotChanged,
    SpeakerChanged,
    TrackMuted,
)
from sfu.participant import Participant
from sfu.room import Room
from sfu.signaling import answers, events, messages, views

GATHER: Final = 0.25
"""Seconds over which comings and goings are gathered."""

COUNTS_PER_SECOND: Final = 200
"""Events a second, at most, that tell a whole room of nothing but counts."""


class Client(Protocol):
    """One joined session."""

    def push(self, frame: str) -> None:
        """Queues a frame."""

    def notice(self, notice: Notice) -> None:
        """News about the own connections."""

    def removed(self, reason: str) -> None:
        """The participant is no longer in the room."""


class Gathering:
    """Comings and goings since the last event."""

    def __init__(self) -> None:
        self.joined: dict[str, Participant] = {}
        self.updated: dict[str, Participant] = {}
        self.left: dict[str, None] = {}
        self.counts = False

    def join(self, participant: Participant) -> None:
        self.joined[participant.id] = participant
        self.counts = True

    def update(self, participant: Participant) -> None:
        if participant.id not in self.joined:
            self.updated[participant.id] = participant

    def leave(self, participant: Participant) -> None:
        self.counts = True
        self.updated.pop(participant.id, None)
        if self.joined.pop(participant.id, None) is None:
            self.left[participant.id] = None

    @property
    def names_people(self) -> bool:
        return bool(self.joined or self.updated or self.left)

    def event(self, room: Room) -> str:
        """As a frame."""
        return events.ParticipantEvent(
            joined=[views.person(each) for each in self.joined.values()],
            left=list(self.left),
            updated=[views.person(each) for each in self.updated.values()],
            counts=views.counts(room),
        ).model_dump_json()


class RoomAudience:
    """The joined sessions of one room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._clients: dict[str, Client] = {}
        self._presenting: dict[str, Client] = {}
        self._watching: dict[str, Client] = {}
        self._known: dict[str, None] = {}
        """Whom attendees have been told of, as long as they are here."""
        self._for_presenters = Gathering()
        self._for_attendees = Gathering()
        self._presenters_at = 0.0
        self._attendees_at = 0.0
        self._last_quality: tuple[Mapping[str, Picture | None], str] = ({}, "")

    def enter(self, participant: Participant, client: Client) -> None:
        """From now on this session is told."""
        self._clients[participant.id] = client
        self._place(participant)

    def people(self, participant: Participant) -> list[Participant]:
        """Whom a newcomer is told of at once: everybody, or who is on a seat, and themself."""
        everybody = self._room.participants
        if participant.role.presents:
            return list(everybody.values())
        seated = [everybody[id] for id in self._room.seats if id is not None]
        return [participant, *(each for each in seated if each is not participant)]

    def follow(self, changes: Sequence[Change], now: float) -> None:
        """Tells, or gathers, what has changed."""
        slots: dict[str, answers.SlotContent] = {}
        for change in changes:
            match change:
                case SlotChanged(slot, shown):
                    slots[slot] = views.content(shown)
                case ParticipantJoined(participant):
                    self._for_presenters.join(participant)
                    self._for_attendees.counts = True
                    if participant.seat is not None:
                        self._known[participant.id] = None
                        self._for_attendees.join(participant)
                case ParticipantUpdated(participant):
                    self._update(participant)
                case ParticipantLeft(participant, reason):
                    self._leave(participant, reason)
                case TrackMuted(track, True, by) if by != track.participant:
                    if client := self._clients.get(track.participant):
                        event = events.MutedEvent(source=track.source.value, by=by)
                        client.push(event.model_dump_json())
                case SpeakerChanged(speaker):
                    self.tell_all(events.SpeakerEvent(participant=speaker))
                case _:
                    pass
        if slots:
            self.tell_all(events.SlotsEvent(slots=slots))

    def notify(self, participant: str, notice: Notice) -> None:
        """Tells one participant."""
        client = self._clients.get(participant)
        if client is None:
            return
        if isinstance(notice, QualityChanged):
            client.push(self._quality(notice.slots))
        else:
            client.notice(notice)

    def tell_all(self, event: messages.Message) -> None:
        """Sends an event to everybody."""
        _push(self._clients.values(), event.model_dump_json())

    def flush(self, now: float) -> None:
        """Sends what was gathered, when its time has come."""
        gathered = self._for_presenters
        if (gathered.names_people or gathered.counts) and now >= self._presenters_at:
            self._for_presenters = Gathering()
            self._presenters_at = now + GATHER
            if self._presenting:
                _push(self._presenting.values(), gathered.event(self._room))
        gathered = self._for_attendees
        # Counts alone may wait: in a full room each of them is a thousand frames.
        patience = 0.0 if gathered.names_people else len(self._watching) / COUNTS_PER_SECOND
        if (gathered.names_people or gathered.counts) and now >= self._attendees_at + patience:
            self._for_attendees = Gathering()
            self._attendees_at = now + GATHER
            if self._watching:
                _push(self._watching.values(), gathered.event(self._room))

    def _place(self, participant: Participant) -> None:
        client = self._clients.get(participant.id)
        if client is None:
            return
        presents = participant.role.presents
        (self._presenting if presents else self._watching)[participant.id] = client
        (self._watching if presents else self._presenting).pop(participant.id, None)

    def _update(self, participant: Participant) -> None:
        self._for_presenters.update(participant)
        if participant.seat is not None and participant.id not in self._known:
            self._known[participant.id] = None
            self._for_attendees.join(participant)
        elif participant.id in self._known:
            self._for_attendees.update(participant)
        self._place(participant)

    def _leave(self, participant: Participant, reason: str) -> None:
        self._for_presenters.leave(participant)
        self._for_attendees.counts = True
        if participant.id in self._known:
            del self._known[participant.id]
            self._for_attendees.leave(participant)
        client = self._clients.pop(participant.id, None)
        self._presenting.pop(participant.id, None)
        self._watching.pop(participant.id, None)
        if client is not None:
            client.removed(reason)

    def _quality(self, slots: Mapping[str, Picture | None]) -> str:
        # A whole audience gets the same words one after the other: write them once.
        if self._last_quality[0] != slots:
            event = events.QualityEvent(
                slots={slot: views.picture(picture) for slot, picture in slots.items()}
            )
            self._last_quality = (slots, event.model_dump_json())
        return self._last_quality[1]


def _push(clients: Iterable[Client], frame: str) -> None:
    for client in list(clients):
        client.push(frame)
