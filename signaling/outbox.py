"""What waits to be sent to one client: bounded, so that a slow reader costs no memory.

Events are counted from the session's first, and the last of them are kept for a
client that lost its socket and takes the session up again on another one.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

MAX_BYTES: Final = 4 << 20
KEPT_BYTES: Final = 512 << 10
"""Of events that have been sent, or would have been to a client that is away."""


@dataclass(frozen=True, slots=True)
class Close:
    """The end of a connection: after all frames, close with this code (RFC 6455 §7.4)."""

    code: int
    reason: str = ""


TOO_SLOW: Final = Close(4008, "too slow")


class Kept:
    """The last events of a session, and how many there have been in all."""

    __slots__ = ("_bytes", "_frames", "_limit", "count")

    def __init__(self, limit: int) -> None:
        self.count = 0
        self._limit = limit
        self._frames: deque[str] = deque()
        self._bytes = 0

    def add(self, frame: str) -> None:
        """One more; "" counts only."""
        self.count += 1
        self._frames.append(frame)
        self._bytes += len(frame)
        while len(self._frames) > self._limit or self._bytes > KEPT_BYTES:
            self._bytes -= len(self._frames.popleft())

    def after(self, received: int) -> tuple[list[str], int]:
        """The events after the first `received`, and how many of them are gone for good."""
        missed = max(0, self.count - received)
        there = min(missed, len(self._frames))
        frames = [self._frames[at] for at in range(len(self._frames) - there, len(self._frames))]
        return [frame for frame in frames if frame], missed - there


class Outbox:
    """Frames in order, then perhaps a Close; `wake` is called when there is something new."""

    __slots__ = (
        "_away", "_bytes", "_close", "_events", "_frames", "_limit", "_unsent", "held",
        "overflowed", "wake",
    )  # fmt: skip

    def __init__(self, limit: int) -> None:
        self.wake: Callable[[], None] = _nobody
        self.overflowed = False
        """The client reads too slowly: the connection is to be ended at once."""
        self.held: Awaitable[None] | None = None
        """What must be done before anything goes out: a promise is kept before it is given."""
        self._limit = limit
        self._frames: deque[tuple[str, bool]] = deque()
        """Each with whether it is an event."""
        self._bytes = 0
        self._close: Close | None = None
        self._events = Kept(limit)
        self._unsent = 0
        """Events that wait."""
        self._away = False

    def push(self, frame: str, *, again: bool = True) -> None:
        """Adds an event. `again`: a client that has missed it is to get it as it is.

        Beyond the limit all are thrown away and the connection ends. A first frame always fits: a
        full room's snapshot may be large.
        """
        self._events.add(frame if again else "")
        self._add(frame, event=True)

    def answer(self, frame: str) -> None:
        """Adds the answer to a request; it is lost with the connection."""
        self._add(frame, event=False)

    def _add(self, frame: str, *, event: bool) -> None:
        self._unsent += event
        if self._away or self._close is not None:
            return
        too_much = self._frames and self._bytes + len(frame) > MAX_BYTES
        if len(self._frames) >= self._limit or too_much:
            self.overflowed = True
            self._frames.clear()
            self._close = TOO_SLOW
        else:
            self._frames.append((frame, event))
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
            frame, event = self._frames.popleft()
            self._bytes -= len(frame)
            self._unsent -= event
            return frame
        return self._close

    @property
    def events(self) -> int:
        """How many events there have been since the session began."""
        return self._events.count

    # A client that is away

    def leave_off(self) -> None:
        """The connection is gone, and the client may come back over another one: events are kept
        for it from now on, as far as they go."""
        self._away = True
        self.wake = _nobody
        self._frames.clear()
        self._bytes = 0

    def go_on_from(
        self, former: "Outbox", received: int | None, *, anew: bool = False
    ) -> tuple[list[str], int]:
        """Takes the place of another client's connection; gives the events that the client has
        missed, and how many more are gone for good. They are not counted again: see `repeat`.

        received -- how many events have come, as the client says; None when it does not: then
            those are missed that were not sent.
        anew -- whether it knows nothing of the session: all are missed, and the first that it gets
            is the first of the count.
        """
        events, former._events = former._events, Kept(0)
        sent = events.count - former._unsent
        missed, lost = events.after(0 if anew else sent if received is None else received)
        if anew:
            for frame in missed:
                self._events.add(frame)
        else:
            self._events = events
        return missed, lost

    def repeat(self, frame: str) -> None:
        """Adds an event that the client has missed: it was counted before."""
        self._add(frame, event=True)


def _nobody() -> None: ...
