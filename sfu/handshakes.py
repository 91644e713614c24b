"""TLS of the HTTP port: connections from their beginning on, not from the end of the handshake.

uvicorn, like every user of `create_server(ssl=…)`, sees a connection when TLS is agreed upon. Who
connects and says nothing, or not all of it, would be nobody's: not counted, bounded by nothing but
descriptors, and there for a minute. Here the plain connection is what is accepted.

    accepted --may connect--> handshake --done--> HTTP
        |                         |
        +-- refused               +-- failed, timeout, gives way --> closed
"""

import asyncio
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any

from uvicorn.protocols.utils import get_remote_addr

from sfu.listener import Door, admit
from sfu.unfinished import Unfinished


def secured(
    http: Callable[..., asyncio.Protocol],
    door: Door,
    unfinished: Unfinished,
    context: ssl.SSLContext,
) -> Callable[..., asyncio.Protocol]:
    """What uvicorn is to make for each connection in place of `http`, which follows the
    handshake."""

    def make(**given: Any) -> asyncio.Protocol:
        return Handshake(partial(http, **given), door, unfinished, context)

    return make


class Handshake(asyncio.Protocol):
    """A connection with which TLS is not agreed upon yet."""

    def __init__(
        self,
        http: Callable[[], asyncio.Protocol],
        door: Door,
        unfinished: Unfinished,
        context: ssl.SSLContext,
    ) -> None:
        self._http = http
        self._door = door
        self._unfinished = unfinished
        self._context = context
        self._address = ""
        self._counted = False
        self._first = bytearray()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Somebody has connected, and is to begin with TLS."""
        loop = asyncio.get_running_loop()
        client = get_remote_addr(transport)
        self._address = client[0] if client else ""
        self._counted = admit(self._door, self._unfinished, self._address, loop.time())
        if not self._counted:
            transport.abort()
            return
        self._transport = transport
        self._unfinished.begin(self, loop.time())
        self._task = loop.create_task(self._agree(transport), name="TLS handshake")

    def data_received(self, data: bytes) -> None:
        """The first bytes may come before the task runs."""
        self._first += data

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone before it has begun: what is lost later is told to TLS."""
        if self._counted:
            self._let_go()
            self._task.cancel()

    def give_way(self) -> None:
        """See `sfu.unfinished.Connection`."""
        self._let_go()
        self._task.cancel()
        self._transport.abort()

    async def _agree(self, transport: asyncio.Transport) -> None:
        loop, seconds = asyncio.get_running_loop(), self._door.request_timeout
        early = _Early()
        secure: asyncio.Transport | None = None
        if self._first:
            loop.call_soon(_pass_on, bytes(self._first), transport)
        try:
            async with asyncio.timeout(seconds):
                # Its own time-out is a minute, unless it is told of another one.
                secure = await loop.start_tls(
                    transport, early, self._context, server_side=True,
                    ssl_handshake_timeout=seconds + 1.0,
                )  # fmt: skip
        except TimeoutError:
            self._door.timed_out(self._address)
        except (OSError, ssl.SSLError, RuntimeError):
            # No TLS, an alert, or gone: a probe of a balancer, a scanner.
            pass
        finally:
            self._let_go()
            if secure is None:
                transport.abort()
        if secure is not None and not secure.is_closing():
            early.give_to(self._http(), secure)

    def _let_go(self) -> None:
        self._unfinished.end(self)
        if self._counted:
            self._counted = False
            self._door.disconnect(self._address)


def _pass_on(first: bytes, transport: asyncio.Transport) -> None:
    """To TLS, which has taken the transport over."""
    protocol: Any = transport.get_protocol()  # buffered, also where its class does not say so
    while first:
        buffer = protocol.get_buffer(len(first))
        part = first[: len(buffer)]
        buffer[: len(part)] = part
        protocol.buffer_updated(len(part))
        first = first[len(part) :]


class _Early(asyncio.Protocol):
    """Keeps what comes together with the end of the handshake, until there is HTTP to read it."""

    def __init__(self) -> None:
        self._data = bytearray()

    def data_received(self, data: bytes) -> None:
        self._data += data

    def give_to(self, http: asyncio.Protocol, transport: asyncio.Transport) -> None:
        """From now on it is the connection's protocol."""
        transport.set_protocol(http)
        http.connection_made(transport)
        if self._data and not transport.is_closing():
            http.data_received(bytes(self._data))
