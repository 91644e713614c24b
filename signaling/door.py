"""The sessions that wait at a room's door, and what is told about them.

Each is told its place in the queue, presenters how many wait. A round over the
queue is cut into slices, so that ten thousand who wait do not stop the loop.
"""

from collections import deque
from typing import Final, Protocol, TypeVar

from sfu.participant import Participant
from sfu.room import Room
from sfu.signaling import events, views

ROUND: Final = 2.0
"""Seconds between two rounds: nobody is told their place more often."""

SLICE: Final = 250
"""People told in one go."""

LISTED: Final = 100
"""People whom a `waiting` event names."""

GATHER: Final = 0.25
"""Seconds over which changes of the queue are gathered for presenters."""


class Waiter(Protocol):
    """One session that waits."""

    def push(self, frame: str) -> None:
        """Queues a frame."""


Client = TypeVar("Client", bound=Waiter)


class Door(dict[str, Client]):
    """Sessions by participant; the room knows their order."""

    def __init__(self, room: Room) -> None:
        super().__init__()
        self.changed = False
        """Whether presenters have something to learn."""
        self._room = room
        self._told: dict[str, tuple[str, int]] = {}
        self._round: deque[tuple[int, str]] = deque()
        self._next_round = 0.0
        self._news_at = 0.0

    def wait(self, participant: Participant, client: Client, reason: str, position: int) -> None:
        """Somebody waits, and has been told so."""
        self[participant.id] = client
        self._told[participant.id] = (reason, position)

    def leave(self, participant: str) -> Client | None:
        """Somebody waits no longer."""
        self.changed = True
        self._told.pop(participant, None)
        return self.pop(participant, None)

    def flush(self, now: float) -> str | None:
        """Tells the next few their places; gives the event for presenters, if one is due."""
        if not self._round and self and now >= self._next_round:
            self._round.extend(enumerate(self._room.waiting, 1))
        for _ in range(min(SLICE, len(self._round))):
            position, id = self._round.popleft()
            if (client := self.get(id)) is not None:
                self._tell(id, client, position)
            if not self._round:
                self._next_round = now + ROUND
        if not self.changed or now < self._news_at:
            return None
        self.changed = False
        self._news_at = now + GATHER
        return self._event()

    def _tell(self, id: str, client: Client, position: int) -> None:
        guest = self._room.waiting.get(id)
        if guest is None:
            return
        place = (views.reason(self._room, guest), position)
        if self._told.get(id) != place:
            self._told[id] = place
            event = events.QueueEvent.model_construct(reason=place[0], position=position)
            client.push(event.model_dump_json())

    def _event(self) -> str:
        waiting = self._room.waiting
        first = [guest for guest, _ in zip(waiting.values(), range(LISTED), strict=False)]
        return events.WaitingEvent.model_construct(
            count=len(waiting), participants=[views.guest(self._room, each) for each in first]
        ).model_dump_json()
