"""HTTP connections that have not finished what they began: a TLS handshake, or a request.

Whoever means to ask does so at once. Where there are too many connections, those who only hold a
place are closed for those who come, the one that has waited longest first; `now` is in seconds, on
the clock of the event loop.
"""

from typing import Final, Protocol

PATIENCE: Final = 2.0
"""Seconds within which nobody is closed for another one."""


class Connection(Protocol):
    """One that waits for what its peer has to say."""

    def give_way(self) -> None:
        """Ends it, and gives its place back, at once."""


class Unfinished:
    """Of one listener."""

    def __init__(self) -> None:
        self._since: dict[Connection, float] = {}

    def __len__(self) -> int:
        return len(self._since)

    def begin(self, connection: Connection, now: float) -> None:
        """Something is to come from now on."""
        self._since[connection] = now

    def end(self, connection: Connection) -> None:
        """It has come, or the connection is gone; nothing if neither was to."""
        self._since.pop(connection, None)

    def make_room(self, now: float) -> bool:
        """Ends the one that has waited longest, if that is long enough; says whether it has."""
        oldest = next(iter(self._since), None)
        if oldest is None or now - self._since[oldest] < PATIENCE:
            return False
        del self._since[oldest]
        oldest.give_way()
        return True
