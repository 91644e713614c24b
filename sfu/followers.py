"""Who follows the changes of a room, besides its media."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from sfu.events import Change, Notice
from sfu.participant import Participant
from sfu.room import Room
from sfu.store.records import Stay


class Audience(Protocol):
    """The clients of one room."""

    def follow(self, changes: Sequence[Change], now: float) -> None:
        """Tells everybody what they should know."""

    def notify(self, participant: str, notice: Notice) -> None:
        """Tells one participant."""

    def flush(self, now: float) -> None:
        """Sends what was gathered, when its time has come."""


class Journal(Protocol):
    """Keeps what must survive the process (`sfu.journal`)."""

    @property
    def written(self) -> "asyncio.Future[None] | None":
        """Done when all that was recorded so far is durable."""

    def record(self, room: Room, changes: Sequence[Change]) -> None:
        """Takes down what has changed."""

    def renew(self, participant: Participant) -> None:
        """Takes down another `resume` of somebody in a room."""

    def interrupted(self, resume: str) -> Stay | None:
        """The stay that a restart has cut off and that this goes on with, if there is one."""
