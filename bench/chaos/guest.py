"""Somebody in the room who comes back from whatever happens, as a browser does."""

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from sfu.bench.chaos.line import Line
from sfu.bench.description import (
    AUDIO_MID,
    SOURCES,
    VIDEO_MID,
    Credentials,
    Remote,
    publish_offer,
    read_remote,
    receive_answer,
)
from sfu.bench.endpoints import PATIENCE, Endpoints
from sfu.bench.errors import ClientError, Refused
from sfu.bench.stays import Visit
from sfu.config import DEV_SECRET, DEV_TENANT
from sfu.dtls import DtlsError
from sfu.participant import Role
from sfu.signaling.tokens import mint

RETRY: Final = 0.5
"""Seconds until another attempt at what a busy server has refused."""
BITRATE: Final = 100_000
"""Of a camera, bit/s: what happens to two hundred is wanted, not what their pictures cost."""
FPS: Final = 10
PASSING: Final = frozenset({"overloaded", "rate_limited", "internal"})
REPLACED: Final = frozenset({"offer_replaced", "no_offer"})
"""Refusals of an answer after which another offer comes."""


@dataclass(slots=True)
class Place:
    """Where everybody goes."""

    url: str
    """Of the signaling socket."""
    room: str
    endpoints: Endpoints
    resume_timeout: float
    """Seconds for which the server keeps the seat of somebody whose socket is gone."""
    faults: list[str] = field(default_factory=list)
    """What went wrong with anybody."""


@dataclass(slots=True)
class Half:
    """One connection: an endpoint, our credentials, and the server's side as it is known."""

    endpoint: int
    ours: Credentials
    remote: Remote | None = None
    work: asyncio.Task[None] | None = None
    session: str = ""
    """The id in the origin of its offers (RFC 9429 §5.2.1)."""
    agreed: float = math.inf
    connected: float = math.inf
    """When it was described, and when media could flow, in seconds of time.monotonic()."""


class Guest:
    """One stay, over as many sockets and connections as it takes."""

    def __init__(self, place: Place, name: str, role: Role = Role.ATTENDEE) -> None:
        self.place = place
        self.visit = Visit(place.room, name, time.time())
        self.receiving: Half | None = None
        self.away = RETRY
        """Seconds until the next socket, once this one is lost."""
        self.hears = True
        """Whether anybody else speaks."""
        self.returns = 0
        """How often a lost socket was come back from."""
        self.told = -math.inf
        """When the server said last that a connection is lost, in seconds of time.monotonic()."""
        self._role = role
        self._line: Line | None = None
        self._leaving = self._gone = False
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def name(self) -> str:
        """As others see it."""
        return self.visit.identity

    @property
    def present(self) -> bool:
        """In the room, and not about to leave."""
        return self.visit.outcome == "in" and not self._leaving

    @property
    def endpoints(self) -> list[int]:
        """Of all connections there are now."""
        return [] if self.receiving is None else [self.receiving.endpoint]

    async def come(self) -> None:
        """Into the room. Raises ClientError."""
        line = await Line.open(self.place.url, self.name)
        self.visit.asked = now = time.time()
        token = mint(
            DEV_SECRET, tenant=DEV_TENANT, room=self.place.room, identity=self.name,
            role=self._role, now=now, ttl=3600,
        )  # fmt: skip
        try:
            answer = await line.request("join", room=self.place.room, token=token)
        except ClientError as error:
            if isinstance(error, Refused):
                self.visit.outcome = "refused"
            await line.close()
            raise
        self.visit.outcome, self.visit.admitted = "in", time.time()
        self.visit.participant = answer["participant"]["id"]
        self._line = line
        self._begin(self._keep, "socket")
        self._begin(self._follow, "events")

    async def go(self, *, politely: bool) -> None:
        """Out of the room: by word, or as a phone does whose battery is empty."""
        self._leaving = True
        self.visit.leaving = time.time()
        try:
            if politely:
                await self._insist("leave")
                self.visit.left = time.time()
        except ClientError as error:
            self._fail(str(error))
        self._gone = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._drop_all()
        if self._line is not None:
            if not politely:
                self._line.abort()
            await self._line.close()
        if not politely:
            # The server has seen the end of the socket by now, and waits for another one.
            self.visit.left = time.time() + self.place.resume_timeout

    def cut(self, away: float) -> None:
        """The network changes: another address, and the socket goes with the former one."""
        self.away = away
        self.move()
        if self._line is not None:
            self._line.abort()

    def move(self) -> None:
        """Media comes from another address; the socket stays."""
        for endpoint in self.endpoints:
            self.place.endpoints.engine.relocate(endpoint)

    async def restart_ice(self) -> None:
        """Another path to each connection, asked for as browsers do."""
        if self.receiving is not None:
            with contextlib.suppress(ClientError):
                await self._insist("restart_ice")

    # The session

    def _begin(self, work: Callable[[], Awaitable[None]], what: str) -> asyncio.Task[None]:
        async def guarded() -> None:
            try:
                await work()
            except ClientError as error:
                self._fail(f"{what}: {error}")
            except Exception as error:
                self._fail(f"{what}: {error!r}")
                raise

        task = asyncio.create_task(guarded())
        self._tasks = [each for each in self._tasks if not each.done()] + [task]
        return task

    def _fail(self, text: str) -> None:
        self.place.faults.append(f"{time.strftime('%X')} {self.name}: {text}")

    async def _keep(self) -> None:
        """Another socket for each one that is lost."""
        assert self._line is not None
        while True:
            await self._line.gone.wait()
            await asyncio.sleep(self.away)
            self._line = await self._resumed(self._line)
            self.returns += 1

    async def _resumed(self, lost: Line) -> Line:
        while True:
            line = await Line.open(self.place.url, self.name)
            line.events = lost.events
            fields = {"resume": lost.resume, "received": lost.received}
            try:
                answer = await line.request("join", room=self.place.room, **fields)
            except BaseException as error:
                line.abort()
                await line.close()
                if not isinstance(error, Refused) or error.code not in PASSING:
                    raise
                await asyncio.sleep(RETRY)
                continue
            if answer["participant"]["id"] != self.visit.participant or not answer["resumed"]:
                raise ClientError("is somebody else after coming back")
            if answer["lost"]:
                raise ClientError(f"missed {answer['lost']} events")
            return line

    async def _insist(self, type: str, **fields: object) -> dict[str, Any]:
        """A request, made again over the next socket where this one is lost."""
        while True:
            line = await self._reached()
            try:
                return await line.request(type, **fields)
            except Refused as error:
                if error.code not in PASSING:
                    raise
                await asyncio.sleep(RETRY)
            except ClientError:
                if not await line.lost():
                    raise

    async def _reached(self) -> Line:
        deadline = time.monotonic() + PATIENCE
        while self._line is None or self._line.gone.is_set():
            if self._gone or time.monotonic() > deadline:
                raise ClientError(f"{self.name}: has no socket")
            await asyncio.sleep(0.05)
        return self._line

    # Connections

    async def _follow(self) -> None:
        assert self._line is not None
        events = self._line.events
        while True:
            event = await events.get()
            if event["type"] == "offer":
                await self._on_offer(event["sdp"], event["number"])
            elif event["type"] == "connection":
                self.told = time.monotonic()
                await self._on_lost(event["connection"])

    async def _on_offer(self, sdp: str, number: int) -> None:
        remote, session = read_remote(sdp), sdp.partition("\no=")[2].split(" ", 2)[1]
        half = self.receiving
        if half is not None and half.session != session:
            # It is for another connection: that this one is lost is not told if it never was one.
            await self._drop(half)
            half = None
        if half is None:
            endpoint = self.place.endpoints.engine.add_attendee(verify=False)
            half = Half(endpoint, Credentials.generate(), remote, session=session)
            self.receiving = half
            agree = partial(self._answer, sdp, number)
            half.work = self._begin(partial(self._connect, agree, half), "to receive")
            return
        restarted = half.remote is None or remote.credentials != half.remote.credentials
        if restarted:
            half.ours, half.remote = Credentials.generate(), remote
        await self._answer(sdp, number, half.ours)
        if restarted:
            self._restart(half, remote)

    async def _answer(self, sdp: str, number: int, ours: Credentials) -> str:
        answer = receive_answer(sdp, ours, self.place.endpoints.fingerprint)
        line = await self._reached()
        try:
            await line.request("answer", sdp=answer, number=number)
        except Refused as error:
            # There may be a later offer by now, or none because the connection is lost.
            if error.code not in REPLACED and line.events.empty():
                raise
        except ClientError:
            # The offer comes again if the server has not got the answer.
            if not await line.lost():
                raise
        return sdp

    async def _connect(self, agree: Callable[[Credentials], Awaitable[str]], half: Half) -> None:
        ours = half.ours
        remote = read_remote(await agree(ours))
        half.agreed = time.monotonic()
        if half.ours is not ours and half.remote is not None:
            remote = half.remote  # a restart has come meanwhile
        half.remote = remote
        try:
            await self.place.endpoints.connect(self.name, half.endpoint, half.ours, remote)
            half.connected = time.monotonic()
        except ClientError as error:
            # Ports of this machine are used again: what is sent to who had one before may come to
            # who has it now. The server offers another connection; whoever gets none is stuck.
            if not isinstance(error.__cause__, DtlsError):
                raise

    def _restart(self, half: Half, remote: Remote) -> None:
        half.remote = remote
        username = f"{remote.credentials.ufrag}:{half.ours.ufrag}"
        self.place.endpoints.engine.connect(
            half.endpoint, remote.host, remote.port, username, remote.credentials.pwd, half.ours.pwd
        )

    async def _on_lost(self, connection: str) -> None:
        if connection == "receive":
            await self._drop(self.receiving)
            self.receiving = None

    async def _drop(self, half: Half | None) -> None:
        if half is None:
            return
        if half.work is not None:
            half.work.cancel()
            await asyncio.gather(half.work, return_exceptions=True)
        self.place.endpoints.remove(half.endpoint)

    async def _drop_all(self) -> None:
        await self._drop(self.receiving)
        self.receiving = None


class Presenter(Guest):
    """Somebody who sends a camera, and the only one who speaks or not; comes back with both."""

    def __init__(self, place: Place, number: int, *, speaks: bool) -> None:
        role = Role.ORGANIZER if number == 0 else Role.PRESENTER
        super().__init__(place, f"presenter-{number}", role)
        self._number = number
        self._speaks = speaks
        self.hears = not speaks
        self.publishing: Half | None = None
        """What is sent over."""

    @property
    def endpoints(self) -> list[int]:
        """Of all connections there are now."""
        publishing = [] if self.publishing is None else [self.publishing.endpoint]
        return [*super().endpoints, *publishing]

    async def come(self) -> None:
        """Into the room, and begins to send. Raises ClientError."""
        await super().come()
        self._publish()

    async def restart_ice(self) -> None:
        """Another path to each connection, asked for as browsers do."""
        await super().restart_ice()
        half = self.publishing
        if half is not None and half.work is not None and half.work.done():
            half.ours = Credentials.generate()
            with contextlib.suppress(ClientError):
                self._restart(half, read_remote(await self._offer(half.ours)))

    def _publish(self) -> None:
        video, audio = self._ssrcs
        endpoint = self.place.endpoints.engine.add_presenter(
            video_ssrc=video, audio_ssrc=audio, bitrate=BITRATE, fps=FPS, seed=self._number + 1,
            microphone=self._speaks,
        )  # fmt: skip
        self.publishing = Half(endpoint, Credentials.generate())
        connect = partial(self._connect, self._offer, self.publishing)
        self.publishing.work = self._begin(connect, "to send")

    async def _offer(self, ours: Credentials) -> str:
        assert self.publishing is not None
        sdp = publish_offer(
            ours, self.place.endpoints.fingerprint, *self._ssrcs, microphone=self._speaks,
            session=1 + self.publishing.endpoint,
        )  # fmt: skip
        sources = {mid: SOURCES[mid] for mid in (VIDEO_MID, AUDIO_MID)[: 1 + self._speaks]}
        answer: str = (await self._insist("publish", sdp=sdp, sources=sources))["sdp"]
        return answer

    @property
    def _ssrcs(self) -> tuple[int, int]:
        return 1000 + 10 * self._number, 1005 + 10 * self._number

    async def _on_lost(self, connection: str) -> None:
        await super()._on_lost(connection)
        if connection == "publish":
            await self._drop(self.publishing)
            self._publish()

    async def _drop_all(self) -> None:
        await super()._drop_all()
        await self._drop(self.publishing)
        self.publishing = None
