"""What uvicorn speaks to a connection with, so that a socket which is refused costs little.

An application sees a request when it has been parsed twice and has a task of its own, which is half
of what a socket costs. Who may not open one is told so by the first bytes of the request.
"""

from collections.abc import Callable
from typing import Final, Protocol

from uvicorn._types import ASGISendEvent  # what its own classes take has no other name
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

REASONS: Final = {429: "Too Many Requests", 503: "Service Unavailable"}


class Denial(Protocol):
    """Why a socket may not be opened."""

    @property
    def status(self) -> int:
        """Of HTTP, one of REASONS."""

    @property
    def seconds(self) -> int:
        """After which it is worth another attempt."""


def http_protocol(path: str, refuse: Callable[[str], Denial | None]) -> type[H11Protocol]:
    """HTTP, in which `refuse` is asked by the peer's address before a request to `path` is read.

    Only a connection's first request is looked at: the application has to ask as well.
    """
    begins = (f"GET {path} ".encode(), f"GET {path}?".encode())

    class Http(H11Protocol):
        _first = True

        def data_received(self, data: bytes) -> None:
            first, self._first = self._first, False
            denial = None
            if first and data.startswith(begins):
                denial = refuse(self.client[0] if self.client else "")
            if denial is None:
                super().data_received(data)
                return
            self.transport.write(_answer(denial))
            self.transport.close()

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
