"""What uvicorn speaks to a connection with, so that a socket which is refused costs little.

An application sees a request when it has been parsed twice and has a task of its own, which is half
of what a socket costs. Who may not open one is told so by the first bytes of the request. Nor does
an application see who is connected and asks for nothing: those are bounded here, and those with
whom TLS is still to be agreed upon in `sfu.handshakes`.
"""

import asyncio
from typing import Final, Protocol

import h11
from uvicorn._types import ASGISendEvent  # what its own classes take has no other name
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from sfu.unfinished import Unfinished

REASONS: Final = {429: "Too Many Requests", 503: "Service Unavailable"}


GOODBYE: Final = 1.0
"""Seconds for the last bytes to who is connected when the server stops."""


class Denial(Protocol):
    """Why a socket may not be opened."""

    @property
    def status(self) -> int:
        """Of HTTP, one of REASONS."""

    @property
    def seconds(self) -> int:
        """After which it is worth another attempt."""


class Door(Protocol):
    """What is known of a peer by its address alone."""

    @property
    def PATH(self) -> str:
        """Of the sockets."""

    @property
    def request_timeout(self) -> float:
        """Seconds within which a request has come whole, from its first byte or the connection's
        beginning on; and a TLS handshake before it."""

    @property
    def full(self) -> bool:
        """Whether there are as many connections of HTTP as there may be."""

    def refuse_peer(self, address: str) -> Denial | None:
        """Why it may not open a socket now; None if it may."""

    def connect(self, address: str) -> bool:
        """A connection of HTTP; says whether there may be one more. If so `disconnect` follows."""

    def disconnect(self, address: str) -> None:
        """It is gone, or has become a socket."""

    def timed_out(self, address: str) -> None:
        """It is closed, for nothing has come of it in time."""


def admit(door: Door, unfinished: Unfinished, address: str, now: float) -> bool:
    """Whether somebody may connect, for whom another one may have to go."""
    if door.full:
        unfinished.make_room(now)
    return door.connect(address)


def http_protocol(door: Door, unfinished: Unfinished) -> type[H11Protocol]:
    """HTTP, in which `door` is asked by the peer's address before a request to its path is read.

    Who comes through a proxy is known to the application only, which has to ask as well.
    """
    begins = (f"GET {door.PATH} ".encode(), f"GET {door.PATH}?".encode())

    class Http(H11Protocol):
        _first = True
        _counted = False
        _patience: asyncio.TimerHandle | None = None

        def connection_made(  # type: ignore[override]  # as in the base class
            self, transport: asyncio.Transport
        ) -> None:
            super().connection_made(transport)
            self._counted = admit(door, unfinished, self._peer(), self.loop.time())
            if self._counted:
                self._watch()
            else:
                transport.abort()

        def connection_lost(self, exc: Exception | None) -> None:
            self._let_go()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            first, self._first = self._first, False
            if not (first and data.startswith(begins) and self._refuse()):
                super().data_received(data)
                self._watch()

        def handle_websocket_upgrade(self, event: h11.Request) -> None:
            # Its first bytes may not have shown it.
            if not (self.scope["path"] == door.PATH and self._refuse()):
                self._let_go()
                super().handle_websocket_upgrade(event)

        def shutdown(self) -> None:
            super().shutdown()
            if self.transport.is_closing():
                # TLS waits for the peer's goodbye, which who keeps it for another request does
                # not say (RFC 8446 §6.1 asks for none).
                self.loop.call_later(GOODBYE, self.transport.abort)

        def _refuse(self) -> bool:
            denial = door.refuse_peer(self._peer())
            if denial is None:
                return False
            self.transport.write(_answer(denial))
            self.transport.close()
            return True

        def _peer(self) -> str:
            return self.client[0] if self.client else ""

        def _watch(self) -> None:
            """uvicorn's own timer is for connections without a byte after an answer."""
            if not self._counted or self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
                self._stop_watching()
            elif self._patience is None:
                unfinished.begin(self, self.loop.time())
                self._patience = self.loop.call_later(door.request_timeout, self._time_out)

        def _time_out(self) -> None:
            door.timed_out(self._peer())
            self.give_way()

        def give_way(self) -> None:
            """See `sfu.unfinished.Connection`."""
            self._let_go()
            self.transport.abort()

        def _stop_watching(self) -> None:
            unfinished.end(self)
            if self._patience is not None:
                self._patience.cancel()
                self._patience = None

        def _let_go(self) -> None:
            self._stop_watching()
            if self._counted:
                self._counted = False
                door.disconnect(self._peer())

    return Http


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """WebSockets; one that the application has denied is not one that it has forgotten."""

    async def send(self, message: ASGISendEvent) -> None:
        """See the ASGI specification."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and self.close_sent:
            # Else uvicorn 0.54 logs an error for each.
            self.handshake_complete = True


def _answer(denial: Denial) -> bytes:
    head = (
        f"HTTP/1.1 {denial.status} {REASONS[denial.status]}",
        f"Retry-After: {denial.seconds}",
        "Content-Length: 0",
        "Connection: close",
    )
    return "\r\n".join((*head, "", "")).encode()
