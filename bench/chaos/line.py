"""A signaling socket for clients that come back: its events, and what takes it up again."""

import asyncio
import contextlib
from typing import Any, Final

from websockets.asyncio.client import ClientConnection

from sfu.bench.clients import Signaling

NEWS: Final = 1.0
"""Seconds after which everybody knows that a socket is gone."""


class Line(Signaling):
    """One socket of a session that may have several, one after the other."""

    def __init__(self, name: str, socket: ClientConnection) -> None:
        super().__init__(name, socket)
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        """What the server has told unasked."""
        self.received = 0
        """How many events have come since the session began."""
        self.resume = ""
        self.gone = asyncio.Event()
        self._reader.add_done_callback(lambda _: self.gone.set())

    async def lost(self) -> bool:
        """Whether it is gone; a request may have learned of that a moment before."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(NEWS):
                await self.gone.wait()
        return self.gone.is_set()

    def abort(self) -> None:
        """The network is gone: nobody hears of it."""
        self._socket.transport.abort()

    def _take(self, message: dict[str, Any]) -> None:
        if "id" not in message:
            self.received += 1
            self.events.put_nowait(message)
        elif "resume" in message:
            # At once: what it counts from is told before the events that follow.
            self.received = message["events"]
            self.resume = message["resume"]
        super()._take(message)
