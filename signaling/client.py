"""Whoever is told what goes on in a room."""

from typing import Protocol

from sfu.events import Notice


class Client(Protocol):
    """One session, in the room or at its door."""

    def push(self, frame: str) -> None:
        """Queues a frame."""

    def notice(self, notice: Notice) -> None:
        """News about the own connections."""

    def admitted(self) -> None:
        """The participant waited and is in the room now."""

    def offer_slots(self) -> None:
        """The room has more slots than before."""

    def removed(self, reason: str) -> None:
        """The participant is no longer in the room, nor at its door."""
