"""When transports want to be looked at, the soonest first."""

import heapq
import math
from collections.abc import Mapping
from typing import Final

import structlog

from sfu.transport import Transport

AGAIN: Final = 1.0
"""Seconds after which one looks again that could not."""

log: Final = structlog.get_logger()


class Deadlines:
    """Of one worker's transports; times are monotonic, in seconds.

    A deadline that moves to later costs nothing until the former one has come; one that moves to
    sooner is a second entry, and the former is passed over.
    """

    def __init__(self) -> None:
        self._entries: list[tuple[float, int]] = []

    def __len__(self) -> int:
        """Entries, those to be passed over included."""
        return len(self._entries)

    def watch(self, transport: Transport) -> None:
        """Its deadline may have changed."""
        deadline = transport.deadline()
        if deadline is not None and deadline < transport.watched_until:
            transport.watched_until = deadline
            heapq.heappush(self._entries, (deadline, transport.id))

    def expire(self, transports: Mapping[int, tuple[Transport, object]], now: float) -> None:
        """Has those look that are due, as long as they are among these, each with its owner."""
        while self._entries and self._entries[0][0] <= now:
            when, id = heapq.heappop(self._entries)
            entry = transports.get(id)
            if entry is None or entry[0].watched_until != when:
                continue
            transport = entry[0]
            transport.watched_until = math.inf
            try:
                transport.expire(now)
            except Exception:
                # A fault of ours about one of them is not to cost the others their time: it looks
                # again later, not at once and for ever.
                log.exception("transport not advanced", transport=id, bounded=True)
                transport.watched_until = now + AGAIN
                heapq.heappush(self._entries, (now + AGAIN, id))
            else:
                self.watch(transport)
