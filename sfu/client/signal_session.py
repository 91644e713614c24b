"""One session over as many sockets as it takes: joining, and coming back after a lost one."""

import asyncio
import inspect
import itertools
import math
import random
import ssl
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from sfu.client.errors import ClientError
from sfu.client.shapes import Frame, State
from sfu.client.signal_socket import BUSY, SignalSocket

TIMEOUT = 10.0
PING_EVERY = 20.0
FIRST_PAUSE, LONGEST_PAUSE = 0.3, 5.0
PATIENCE = 5.0
"""Seconds that opening a socket, or an answer, may take while coming back."""

FETCHING = 15.0
"""Seconds that the application's way to a token may take then: a lost network may never answer."""

OPENINGS = 6
"""Attempts at the first socket, while a busy server refuses it."""
LONGEST_WAIT = 30.0
"""Seconds that a server may ask to be left alone."""

UNREADABLE_SOCKETS = 5
UNREADABLE_WITHIN = 60.0
"""So many sockets, within seconds of each other, on which there was something that cannot be read,
are the end: the server would only send it again."""
UNREADABLE_CODE = 1007
"""RFC 6455 §7.4.1: data that is not what it should be."""

FINAL = {1000, 1008, 4000, 4001, 4002, 4003, 4004, 4005}
"""Close codes after which nobody comes back: left, removed in some way, ended, or misbehaved."""

PASSING = {
    "connection_failed", "connection_closed", "timeout", "draining", "overloaded", "rate_limited",
    "internal",
}  # fmt: skip
"""What a server that is soon to be well again says to a request."""

Token = str | Callable[[], str | Awaitable[str]]
"""A join token, or what gets one: it is asked again when one has to join anew."""


@dataclass(frozen=True)
class Entered:
    """In the room, or at its door."""

    answer: Frame
    again: bool = False
    """After a lost socket."""
    anew: bool = False
    """Nothing is left of the connections of before."""


class SignalSession:
    """Calls `on_frame` with events and `on_entered` in the server's order, `on_closed` once."""

    def __init__(
        self,
        url: str,
        on_frame: Callable[[Frame], None],
        on_entered: Callable[[Entered], None],
        on_closed: Callable[[int, str], None],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.state: State = "new"
        self.resume: str | None = None
        """What takes the session up again, once."""
        self._url = url
        self._tls = tls
        self._on_frame = on_frame
        self._on_entered = on_entered
        self._on_closed = on_closed
        self._socket: SignalSocket | None = None
        self._joining: dict[str, object] = {}
        self._token: Token | None = None
        self._received = 0
        self._returning: asyncio.Task[None] | None = None
        self._pinging: asyncio.Task[None] | None = None
        self._unreadable, self._unreadable_at = 0, -math.inf
        self._ended = ""

    async def connect(self) -> None:
        """Opens the socket, in a few attempts if the server is busy. Raises ClientError."""
        pauses = itertools.islice(_pauses(), OPENINGS - 1)
        while self._socket is None:
            try:
                self._socket = await self._open(TIMEOUT)
            except ClientError as error:
                pause = next(pauses, None)
                if error.code not in BUSY.values() or pause is None:
                    raise
                await asyncio.sleep(_wait(error, pause))
        self._pinging = asyncio.create_task(self._ping())
        self.state = "connected"

    async def join(self, token: Token | None, fields: dict[str, object]) -> Frame:
        """Gives the answer. Raises ClientError."""
        self._token, self._joining = token, fields
        given = {**fields, "token": await self._fresh_token()}
        return await self._request("join", lambda answer: self._enter(Entered(answer)), **given)

    async def request(self, type: str, **fields: object) -> Frame:
        """Asks, as soon as there is a socket to ask over. Raises ClientError."""
        return await self._ask(type, None, **fields)

    async def _ask(
        self, type: str, then: Callable[[Frame], None] | None, **fields: object
    ) -> Frame:
        if type != "leave" and self._socket is not None:
            await self._socket.closing()
        while type != "leave" and self._returning is not None and not self._returning.done():
            await asyncio.wait([self._returning])
        return await self._request(type, then, **fields)

    async def insist(self, type: str, then: Callable[[Frame], None], **fields: object) -> Frame:
        """A request that may be made twice: again when its answer is lost with the socket. `then`
        is called with the answer before any later event is taken."""
        try:
            return await self._ask(type, then, **fields)
        except ClientError as error:
            if error.code != "connection_closed" or self._returning is None:
                raise
            return await self._ask(type, then, **fields)

    async def persist(self, work: Callable[[], Awaitable[None]]) -> None:
        """Does it again, with pauses, while it is refused for what passes. Raises ClientError."""
        pauses = _pauses()
        while True:
            try:
                return await work()
            except ClientError as error:
                if error.code not in PASSING or self.state == "closed":
                    raise
                pause = _wait(error, next(pauses))
            await asyncio.sleep(pause)

    async def close(self, code: int, reason: str) -> None:
        """Ends it, however it stands."""
        self._end(code, reason)
        if self._socket is not None:
            await self._socket.close()
        tasks = [each for each in (self._pinging, self._returning) if each is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _open(self, patience: float) -> SignalSocket:
        return await SignalSocket.open(self._url, patience, self._take, self._lost, tls=self._tls)

    async def _request(
        self, type: str, then: Callable[[Frame], None] | None, **fields: object
    ) -> Frame:
        if self._socket is None:
            why = self._ended or "there is no connection"
            raise ClientError("connection_closed", why)
        return await self._socket.request(type, then, **fields)

    async def _fresh_token(self) -> str | None:
        if not callable(self._token):
            return self._token
        try:
            given = self._token()
            return await given if inspect.isawaitable(given) else given
        except Exception as error:  # it is the application's, and may raise anything
            reason = str(error) or type(error).__name__
            raise ClientError("connection_failed", f"no token: {reason}") from error

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_EVERY)
            socket = self._socket
            if self.state != "resuming" and socket is not None:
                try:
                    await socket.request("ping")
                except ClientError as error:
                    # A refusal is an answer, too.
                    if error.code in ("timeout", "connection_closed"):
                        socket.abandon()

    def _take(self, frame: Frame) -> None:
        self._received += 1
        if frame["type"] == "admitted":
            self._enter(Entered(frame))
        else:
            self._on_frame(frame)

    def _enter(self, entered: Entered) -> None:
        if self.state == "closed":  # meanwhile
            return
        answer = entered.answer
        self.resume = answer.get("resume")
        if answer["type"] != "admitted":  # which is an event, counted as such; older servers say 0
            self._received = answer.get("events", self._received)
        self.state = "waiting" if answer.get("status") == "waiting" else "joined"
        self._on_entered(entered)

    def _lost(self, socket: SignalSocket, code: int, reason: str) -> None:
        if socket is not self._socket:
            return
        self._socket = None
        if socket.unreadable and self._is_hopeless():
            self._end(UNREADABLE_CODE, f"what the server sends cannot be read: {socket.unreadable}")
        if self.state == "resuming":
            return
        if self.state not in ("joined", "waiting") or code in FINAL:
            self._end(code, reason)
        else:
            self.state = "resuming"
            self._returning = asyncio.create_task(self._return())

    def _is_hopeless(self) -> bool:
        now = asyncio.get_running_loop().time()
        soon = now - self._unreadable_at < UNREADABLE_WITHIN
        self._unreadable, self._unreadable_at = 1 + soon * self._unreadable, now
        return self._unreadable >= UNREADABLE_SOCKETS

    def _end(self, code: int, reason: str) -> None:
        if self.state == "closed":
            return
        self.state, self._ended = "closed", reason
        if self._pinging is not None:
            self._pinging.cancel()
        self._on_closed(code, reason)

    async def _return(self) -> None:
        pauses, pause = _pauses(), 0.0
        # The new socket may be lost before this is told of its answer: then the next one returns.
        while self.state == "resuming" and self._returning is asyncio.current_task():
            await asyncio.sleep(max(pause, next(pauses)))
            socket, pause = None, 0.0
            try:
                socket = self._socket = await self._open(PATIENCE)
                await self._join_again(socket)
            except ClientError as error:
                self._socket, pause = None, _wait(error, 0.0)
                if socket is not None:
                    socket.abandon()
                if error.code not in PASSING:
                    self._end(1006, error.code)
        if self._returning is asyncio.current_task():
            self._returning = None

    async def _join_again(self, socket: SignalSocket) -> None:
        def back(answer: Frame) -> None:
            # What has had no events yet has no connections either: the server was started anew.
            anew = not answer.get("resumed") or answer.get("events") == 0
            self._enter(Entered(answer, again=True, anew=anew))

        if self.resume is not None:
            past = {name: self._joining.get(name) for name in ("room", "tenant")}
            try:
                await socket.request(
                    "join", back, resume=self.resume, received=self._received, **past
                )
                return
            except ClientError as error:
                if error.code != "cannot_resume":
                    raise
                self.resume = None
        try:
            async with asyncio.timeout(FETCHING):
                token = await self._fresh_token()
        except TimeoutError as error:
            raise ClientError("connection_failed", "no token: it took too long") from error
        fields = {**self._joining, "token": token, "resume": None}
        await socket.request("join", back, **fields)


def _wait(error: ClientError, pause: float) -> float:
    """Seconds until the next attempt: as many as the server asks for, `pause` at least. Not all of
    those who were told the same come at once."""
    asked = min(LONGEST_WAIT, float(error.details.get("retry_after") or 0))
    return max(pause, asked * random.uniform(1.0, 1.5))


def _pauses() -> Iterator[float]:
    """Seconds, longer and longer, with much chance in it: not everybody comes at once."""
    pause = FIRST_PAUSE
    while True:
        yield pause * random.uniform(0.25, 1.75)
        pause = min(LONGEST_PAUSE, 2 * pause)
