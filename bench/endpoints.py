"""Transports of synthetic clients: handshakes here, paths and media in the native engine."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final, Self

from sfu.bench._load import Engine
from sfu.bench.description import Credentials, Remote
from sfu.bench.errors import ClientError
from sfu.certificate import Certificate
from sfu.dtls import DtlsError, Handshake

PATIENCE: Final = 20.0
"""Seconds that a participant may take to join or to connect."""
_TIMER: Final = 0.05


class Endpoints:
    """All transports of one engine; an asynchronous context."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.profiles: set[str] = set()
        """What the handshakes have agreed upon (RFC 5764 §4.1.2, 7714 §14.2)."""
        self.ufrag = ""
        """What the server goes by in the connection that was made last (RFC 8445 §5.3)."""
        self._certificate = Certificate.generate()
        self._handshakes: dict[int, tuple[Handshake, asyncio.Future[None]]] = {}
        self._pictures: dict[int, asyncio.Future[int]] = {}
        self._timer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        asyncio.get_running_loop().add_reader(self.engine.fileno, self._read)
        self._timer = asyncio.create_task(self._run_timers())
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self.engine.fileno)
        if self._timer is not None:
            self._timer.cancel()

    @property
    def fingerprint(self) -> str:
        """Of everybody's certificate, as in SDP."""
        return self._certificate.fingerprint

    async def connect(self, name: str, endpoint: int, ours: Credentials, remote: Remote) -> None:
        """Until media can flow; always as the DTLS client. Raises ClientError."""
        loop = asyncio.get_running_loop()
        handshake = Handshake(
            self._certificate,
            client=True,
            fingerprints=remote.fingerprints,
            now=time.monotonic(),
            # What was received is all that is wanted; each association kept would cost 70 KiB.
            linger=1.0,
        )
        done: asyncio.Future[None] = loop.create_future()
        self._handshakes[endpoint] = handshake, done
        self.ufrag = remote.credentials.ufrag
        username = f"{remote.credentials.ufrag}:{ours.ufrag}"
        self.engine.connect(
            endpoint, remote.host, remote.port, username, remote.credentials.pwd, ours.pwd
        )
        try:
            async with asyncio.timeout(PATIENCE):
                await done
        except TimeoutError:
            state = handshake.state.name.lower()
            raise ClientError(f"{name}: no connection in {PATIENCE:.0f} s, DTLS {state}") from None
        except DtlsError as error:
            raise ClientError(f"{name}: {error}") from error
        finally:
            del self._handshakes[endpoint]

    async def picture(self, endpoint: int) -> float:
        """Until the first packet of a picture has come; when, in seconds of time.monotonic()."""
        return await self._picture(endpoint) / 1e9

    def remove(self, endpoint: int) -> None:
        """Closes an endpoint's socket without a word."""
        self._pictures.pop(endpoint, None)
        self.engine.remove(endpoint)

    def _picture(self, endpoint: int) -> asyncio.Future[int]:
        if endpoint not in self._pictures:
            self._pictures[endpoint] = asyncio.get_running_loop().create_future()
        return self._pictures[endpoint]

    def _read(self) -> None:
        now = time.monotonic()
        for endpoint, told in self.engine.events():
            if isinstance(told, int):
                # Who waited may have lost patience.
                if not (picture := self._picture(endpoint)).done():
                    picture.set_result(told)
            # Later ones are repetitions of the server's last flight.
            elif endpoint in self._handshakes:
                self._step(endpoint, told, now)

    def _step(self, endpoint: int, datagram: bytes | None, now: float) -> None:
        handshake, done = self._handshakes[endpoint]
        try:
            flight = handshake.start(now) if datagram is None else handshake.receive(datagram, now)
        except DtlsError as error:
            if not done.done():
                done.set_exception(error)
            return
        self._send(endpoint, flight)
        if (keys := handshake.keys) is not None and not done.done():
            self.profiles.add(keys.profile)
            self.engine.set_keys(endpoint, keys.profile, keys.receive, keys.send)
            done.set_result(None)

    async def _run_timers(self) -> None:
        while True:
            await asyncio.sleep(_TIMER)
            now = time.monotonic()
            for endpoint, (handshake, done) in list(self._handshakes.items()):
                due = handshake.timeout()
                if due is None or now < due or done.done():
                    continue
                try:
                    self._send(endpoint, handshake.expire(now))
                except DtlsError as error:
                    done.set_exception(error)

    def _send(self, endpoint: int, flight: Sequence[bytes]) -> None:
        if flight:
            self.engine.send(endpoint, list(flight))
