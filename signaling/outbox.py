"""What waits to be sent to one client: bounded, so that a slow reader costs no memory."""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

MAX_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Close:
    """The end of a connection: after all frames, close with this code (RFC 6455 §7.4)."""

    code: int
    reason: str = ""


TOO_SLOW: Final = Close(4008, "too slow")


class Outbox:
    """Frames in order, then perhaps a Close; `wake` is called when there is something new."""

    __slots__ = ("_bytes", "_close", "_frames", "_limit", "held", "overflowed", "wake")

    def __init__(self, limit: int) -> None:
        self.wake: Callable[[], None] = _nobody
        self.overflowed = False
        """The client reads too slowly: the connection is to be ended at once."""
        self.held: Awaitable[None] | None = None
        """What must be done before anything goes out: a promise is kept before it is given."""
        self._limit = limit
        self._frames: deque[str] = deque()
        self._bytes = 0
        self._close: Close | None = None

    def push(self, frame: str) -> None:
        """Adds a frame; beyond the limit all are thrown away and the connection ends.

        A first frame always fits: a full room's snapshot may be large.
        """
        if self._close is not None:
            return
        too_much = self._frames and self._bytes + len(frame) > MAX_BYTES
        if len(self._frames) >= self._limit or too_much:
            self.overflowed = True
            self._frames.clear()
            self._close = TOO_SLOW
        else:
            self._frames.append(frame)
            self._bytes += len(frame)
        self.wake()

    def hold(self, until: Awaitable[None] | None) -> None:
        """Nothing goes out until this is done; None is no reason to wait."""
        if until is not None:
            self.held = until

    def close(self, close: Close) -> None:
        """Nothing is added after this."""
        if self._close is None:
            self._close = close
            self.wake()

    @property
    def closing(self) -> bool:
        """Whether the connection is about to end."""
        return self._close is not None

    def take(self) -> str | Close | None:
        """The next thing to send, None when there is nothing; Close comes again and again."""
        if self._frames:
            frame = self._frames.popleft()
            self._bytes -= len(frame)
            return frame
        return self._close


def _nobody() -> None: ...
