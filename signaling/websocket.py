"""The socket `/v1/signal`: frames between a WebSocket and a session. No decisions in here."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Final

import structlog
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from sfu.clock import Clock
from sfu.config import Settings
from sfu.signaling.admission import Admission
from sfu.signaling.limits import Addresses, ClientAddress, Refused
from sfu.signaling.messages import SUBPROTOCOL
from sfu.signaling.newcomers import Newcomers
from sfu.signaling.origins import Origins
from sfu.signaling.outbox import Close, Outbox
from sfu.signaling.session import Session
from sfu.signaling.session_state import State

GOING_AWAY: Final = 1001
"""How a browser closes the socket of a page that is left (RFC 6455 §7.4.1): nobody comes back."""
NOT_KEPT: Final = Close(1011, "the join could not be kept")
REASONS: Final = (
    "sockets", "unjoined_sockets", "sockets_per_address", "sockets_per_second_per_address",
    "origin", "subprotocol",
)  # fmt: skip
"""Why a socket is refused: by which setting, by its page, or by its protocol."""
CONNECTION_LIMITS: Final = ("connections", "connections_per_address", "request_timeout")
"""The settings by which connections of HTTP are refused, or closed."""

log = structlog.get_logger()


class Sockets:
    """All signaling sockets of a process."""

    PATH: Final = "/v1/signal"

    def __init__(self, settings: Settings, admission: Admission, clock: Clock) -> None:
        self.sessions: set[Session] = set()
        self.away: set[Session] = set()
        """Those that have lost their socket, and some that are over since."""
        self.addresses = Addresses(settings.limits, settings.server.trusted_proxies)
        self.newcomers = Newcomers(settings.limits.unjoined_sockets)
        self.opened = 0
        self.refused: Counter[str] = Counter(dict.fromkeys(REASONS, 0))
        self.connections_refused: Counter[str] = Counter(dict.fromkeys(CONNECTION_LIMITS, 0))
        self._limits = settings.limits
        self.origins = Origins(settings.server.allowed_origins)
        self.admission = admission
        self._clock = clock

    def configure(self, settings: Settings) -> None:
        """These limits and origins count for the sockets that open from now on."""
        self._limits = settings.limits
        self.addresses.configure(settings.limits)
        self.newcomers.limit = settings.limits.unjoined_sockets
        self.origins = Origins(settings.server.allowed_origins)

    def refuse(self, address: str) -> Refused | None:
        """Why no socket may be opened from here now, counted and logged; None if one may."""
        now = self._clock.monotonic()
        refused = self.addresses.refusal(address, now) or self.newcomers.refusal(now)
        if refused is not None:
            self.refused[refused.limit] += 1
            log.warning("socket refused", address=address, limit=refused.limit, bounded=True)
        return refused

    def refuse_peer(self, address: str) -> Refused | None:
        """The same by who is connected; who comes through a proxy cannot be told by that."""
        return None if self.addresses.exempt(address) else self.refuse(address)

    @property
    def request_timeout(self) -> float:
        """Seconds that a connection has for a request, and for TLS before it."""
        return self._limits.request_timeout

    @property
    def full(self) -> bool:
        """Whether there are as many connections as there may be."""
        return self.addresses.full

    def connect(self, address: str) -> bool:
        """Somebody connects; says whether they may. If so `disconnect` must follow."""
        limit = self.addresses.connect(address)
        if limit is not None:
            self.connections_refused[limit] += 1
            log.warning("connection refused", address=address, limit=limit, bounded=True)
        return limit is None

    def timed_out(self, address: str) -> None:
        """A connection is closed that has asked for nothing in time."""
        self.connections_refused["request_timeout"] += 1
        log.info("connection timed out", address=address, bounded=True)

    def disconnect(self, address: str) -> None:
        """The connection is gone, or has become a socket, which is counted by itself."""
        self.addresses.disconnect(address)

    async def serve(self, socket: WebSocket) -> None:
        """Runs one client's session until its socket is gone."""
        offered = socket.scope.get("subprotocols", [])
        address = socket.client.host if socket.client else ""
        if (refused := self.refuse(address)) is not None:
            await _deny(socket, refused)
            return
        if offered and SUBPROTOCOL not in offered:
            self.refused["subprotocol"] += 1
            await socket.close(1002)
            return
        if not self.origins.allow(socket.headers.get("origin"), socket.headers.get("host", "")):
            self.refused["origin"] += 1
            log.warning("origin refused", address=address, bounded=True)
            await socket.close(1008)  # before it is accepted: 403
            return
        await self._open(socket, address, SUBPROTOCOL if offered else None)

    async def _open(self, socket: WebSocket, address: str, subprotocol: str | None) -> None:
        now = self._clock.monotonic()
        outbox = Outbox(self._limits.pending_frames)
        client = ClientAddress(
            self.addresses,
            address,
            joined=lambda: self.newcomers.leave(outbox),
            not_joined=lambda: self.newcomers.again(outbox, self._clock.monotonic()),
        )
        session = Session(self.admission, self._limits, self._clock, outbox, client)
        self.addresses.open(address, now)
        self.newcomers.come(outbox, now)
        self.opened += 1
        self.sessions.add(session)
        code = 0
        try:
            await socket.accept(subprotocol)
            code = await self._run(socket, session)
        except (WebSocketDisconnect, OSError):
            pass
        finally:
            self.sessions.discard(session)
            self.newcomers.leave(outbox)
            self.addresses.close(address)
            self._lost(session, code)

    def absentees(self) -> int:
        """How many are in a room without a socket now."""
        return sum(session.state is State.JOINED for session in self.away)

    def _lost(self, session: Session, code: int) -> None:
        """A socket is gone: by this code of the client's, or 0."""
        patience = self._limits.resume_timeout
        if code == GOING_AWAY or not patience or not session.dropped():
            session.closed(self._clock.monotonic())
            return
        self.away.add(session)
        asyncio.get_running_loop().call_later(patience, self._give_up_on, session)

    def _give_up_on(self, session: Session) -> None:
        self.away.discard(session)
        session.closed(self._clock.monotonic())

    async def _run(self, socket: WebSocket, session: Session) -> int:
        writer = asyncio.create_task(_write(socket, session.outbox))
        reader = asyncio.create_task(self._read(socket, session))
        patience = asyncio.get_running_loop().call_later(
            self._limits.join_timeout, session.join_expired
        )
        try:
            await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
            return reader.result() if reader.done() and not reader.exception() else 0
        finally:
            patience.cancel()
            for task in (reader, writer):
                task.cancel()
            for result in await asyncio.gather(reader, writer, return_exceptions=True):
                if isinstance(result, Exception) and not isinstance(
                    result, WebSocketDisconnect | OSError
                ):
                    log.error("socket failed", error=repr(result), bounded=True)

    async def _read(self, socket: WebSocket, session: Session) -> int:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return int(message.get("code") or 0)
            frame = message.get("text")
            if frame is None:
                frame = message.get("bytes") or b""
            session.receive(frame, self._clock.monotonic())


async def _deny(socket: WebSocket, refused: Refused) -> None:
    """An answer in place of the handshake (RFC 6455 §4.2.2)."""
    if "websocket.http.response" in socket.scope.get("extensions", {}):
        headers = {"Retry-After": str(refused.seconds)}
        await socket.send_denial_response(Response(None, refused.status, headers))
    else:
        await socket.close(1013)


async def _write(socket: WebSocket, outbox: Outbox) -> None:
    news = asyncio.Event()
    outbox.wake = _waker(news, outbox, asyncio.current_task())
    while True:
        if outbox.held is not None and not await _kept(outbox):
            outbox.close(NOT_KEPT)
            await _close(socket, NOT_KEPT)
            return
        item = outbox.take()
        if item is None:
            news.clear()
            await news.wait()
        elif isinstance(item, Close):
            await _close(socket, item)
            return
        else:
            await socket.send_text(item)


async def _kept(outbox: Outbox) -> bool:
    """Waits for what the outbox is held for; says whether it could be done."""
    held, outbox.held = outbox.held, None
    assert held is not None
    try:
        # Others wait for the same: a socket that is gone must not end it for them.
        await asyncio.shield(held)
    except Exception as error:
        log.error("join not kept", error=repr(error), bounded=True)
        return False
    return True


async def _close(socket: WebSocket, close: Close) -> None:
    with contextlib.suppress(RuntimeError):
        if socket.application_state is WebSocketState.CONNECTED:
            await socket.close(close.code, close.reason)


def _waker(
    news: asyncio.Event, outbox: Outbox, writer: "asyncio.Task[None] | None"
) -> Callable[[], None]:
    def wake() -> None:
        news.set()
        if outbox.overflowed and writer is not None:
            # It may hang in a send that the client never takes: there is nothing to wait for.
            writer.cancel()

    return wake
