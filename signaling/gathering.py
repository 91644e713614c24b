"""Comings, goings and changes since the last event that told of them."""

from collections.abc import Iterable

from sfu.participant import Participant
from sfu.room import Room
from sfu.signaling import events, views


class Gathering:
    """For one group of readers. Who came and went in between is not worth a word, unless somebody
    has seen them."""

    def __init__(self) -> None:
        self.joined: dict[str, Participant] = {}
        self.updated: dict[str, Participant] = {}
        self.left: dict[str, None] = {}
        self.counts = False
        self._seen: set[str] = set()

    def join(self, participant: Participant) -> None:
        self.joined[participant.id] = participant
        self.counts = True

    def update(self, participant: Participant) -> None:
        if participant.id not in self.joined:
            self.updated[participant.id] = participant

    def leave(self, participant: Participant) -> None:
        self.counts = True
        self.updated.pop(participant.id, None)
        if self.joined.pop(participant.id, None) is None or participant.id in self._seen:
            self.left[participant.id] = None

    def snapshot(self, people: Iterable[Participant]) -> None:
        """A reader has been told of these at once, some of whom have come just now."""
        self._seen.update(each.id for each in people)

    @property
    def names_people(self) -> bool:
        return bool(self.joined or self.updated or self.left)

    def event(self, room: Room, *, hidden: bool = False) -> str:
        """As a frame; `hidden`: the readers may not know who sends what."""
        people = self.joined.values(), self.left, self.updated.values()
        return frame(room, *people, hidden=hidden)


def frame(
    room: Room,
    joined: Iterable[Participant] = (),
    left: Iterable[str] = (),
    updated: Iterable[Participant] = (),
    *,
    hidden: bool = False,
) -> str:
    """A `participant` event."""
    return events.ParticipantEvent.model_construct(
        joined=[views.person(each, hidden=hidden) for each in joined],
        left=list(left),
        updated=[views.person(each, hidden=hidden) for each in updated],
        counts=views.counts(room),
    ).model_dump_json()
