"""Whoever iterates over the events of all rooms: embedding programs."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable
from typing import Final

import structlog

from sfu.events import RoomEvent

EVENTS_WAITING: Final = 10_000

log = structlog.get_logger()


class Watchers:
    """Each has a queue of its own."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[RoomEvent]] = set()

    def __bool__(self) -> bool:
        return bool(self._queues)

    def tell(self, events: Iterable[RoomEvent]) -> None:
        """One that lets EVENTS_WAITING pile up gets no more."""
        for event, queue in itertools.product(events, list(self._queues)):
            try:
                queue.put_nowait(event)
            except asyncio.QueueFull:
                self._queues.discard(queue)
                log.error("event watcher is too slow and was dropped")

    async def events(self) -> AsyncIterator[RoomEvent]:
        """Every event from now on."""
        queue: asyncio.Queue[RoomEvent] = asyncio.Queue(EVENTS_WAITING)
        self._queues.add(queue)
        try:
            while queue in self._queues or not queue.empty():
                yield await queue.get()
        finally:
            self._queues.discard(queue)
