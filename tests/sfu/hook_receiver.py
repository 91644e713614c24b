"""A backend's URL: what is posted to it, and a server that posts to it."""

import asyncio
import contextlib
import hmac
import json
import socket
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.signaling.rest.backend import Backend, serving
from tests.waiting import until

WEBHOOK_SECRET = "the-key-of-webhooks"


class Receiver:
    """A backend's URL: keeps what is posted to it, and checks the signature of each."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.port = 0
        self.failures = 0
        """How many posts are still to be refused."""
        self.connections = 0

    @property
    def names(self) -> list[str]:
        return [body["event"] for body in self.bodies]

    async def until(self, name: str, times: int = 1) -> None:
        await until(lambda: self.names.count(name) >= times)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                fields = dict(
                    line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line
                )
                body = await reader.readexactly(int(fields["content-length"]))
                status = b"204 No Content"
                if self.failures:
                    self.failures -= 1
                    status = b"500 Internal Server Error"
                else:
                    self._take(fields["sfu-signature"], body)
                writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        self.connections -= 1

    def _take(self, signature: str, body: bytes) -> None:
        at, given = (part.split("=")[1] for part in signature.split(","))
        expected = hmac.new(WEBHOOK_SECRET.encode(), f"{at}.".encode() + body, sha256).hexdigest()
        assert given == expected
        self.bodies.append(json.loads(body))


@contextlib.asynccontextmanager
async def receiving(place: socket.socket | None = None) -> AsyncIterator[Receiver]:
    """Listens at a place of its own, or at this bound socket, which it closes."""
    receiver = Receiver()
    if place is None:
        server = await asyncio.start_server(receiver._serve, "127.0.0.1", 0)
    else:
        server = await asyncio.start_server(receiver._serve, sock=place)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
        await until(lambda: receiver.connections == 0)
    finally:
        server.close()


def hooked(store: Path, receiver: Receiver) -> contextlib.AbstractAsyncContextManager[Backend]:
    return serving(
        store,
        SFU_TENANTS__ACME__WEBHOOK_URL=f"http://127.0.0.1:{receiver.port}/hook",
        SFU_TENANTS__ACME__WEBHOOK_SECRET=WEBHOOK_SECRET,
    )
