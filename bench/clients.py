"""Synthetic participants: signaling and handshakes here, media in the native engine."""

import asyncio
import contextlib
import json
import time
from collections.abc import Sequence
from typing import Any, Final, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from sfu.bench._load import Engine
from sfu.bench.description import (
    SOURCES,
    Credentials,
    Remote,
    publish_offer,
    read_remote,
    receive_answer,
)
from sfu.certificate import Certificate
from sfu.dtls import DtlsError, Handshake

PATIENCE: Final = 20.0
"""Seconds that a participant may take to join or to connect."""
AT_ONCE: Final = 16
"""Participants on their way in at the same time."""
VERIFY_EVERY: Final = 16
"""One attendee in so many opens and compares every packet."""
_TIMER: Final = 0.05


class ClientError(Exception):
    """A participant could not join or connect; the message says who and why."""


class Clients:
    """All participants of one room; an asynchronous context that ends them."""

    def __init__(self, url: str, room: str, engine: Engine) -> None:
        """`url` is that of the signaling socket."""
        self._url = url
        self._room = room
        self._engine = engine
        self._certificate = Certificate.generate()
        self._signaling: list[Signaling] = []
        self._handshakes: dict[int, tuple[Handshake, asyncio.Future[None]]] = {}
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._timer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        asyncio.get_running_loop().add_reader(self._engine.fileno, self._read)
        self._timer = asyncio.create_task(self._run_timers())
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._engine.fileno)
        if self._timer is not None:
            self._timer.cancel()
        await asyncio.gather(*(each.close() for each in self._signaling), return_exceptions=True)

    async def add_presenter(self, role: str, number: int, *, bitrate: int, fps: int) -> None:
        """Joins with one camera and one microphone. Raises ClientError."""
        name = f"presenter {number}"
        video_ssrc, audio_ssrc = 1000 + 10 * number, 1005 + 10 * number
        signaling = await self._join(name, role)
        endpoint = self._engine.add_presenter(
            video_ssrc=video_ssrc,
            audio_ssrc=audio_ssrc,
            bitrate=bitrate,
            fps=fps,
            seed=12345 + number,
        )
        ours = Credentials.generate()
        offer = publish_offer(ours, self._certificate.fingerprint, video_ssrc, audio_ssrc)
        answer = await signaling.request("publish", sdp=offer, sources=SOURCES)
        await self._connect(name, endpoint, ours, read_remote(answer["sdp"]))

    async def add_attendee(self, number: int) -> None:
        """Joins to receive. Raises ClientError."""
        async with self._gate:
            name = f"attendee {number}"
            signaling = await self._join(name, "attendee")
            offer = await signaling.offer()
            endpoint = self._engine.add_attendee(verify=number % VERIFY_EVERY == 0)
            ours = Credentials.generate()
            answer = receive_answer(offer, ours, self._certificate.fingerprint)
            await signaling.request("answer", sdp=answer)
            await self._connect(name, endpoint, ours, read_remote(offer))

    async def _join(self, name: str, role: str) -> "Signaling":
        signaling = await Signaling.open(self._url, name)
        self._signaling.append(signaling)
        answer = await signaling.request("join", room=self._room, name=name, role=role)
        if answer.get("status") != "admitted":
            raise ClientError(f"{name}: {answer.get('status')}, not admitted")
        return signaling

    async def _connect(self, name: str, endpoint: int, ours: Credentials, remote: Remote) -> None:
        loop = asyncio.get_running_loop()
        handshake = Handshake(
            self._certificate,
            client=True,
            fingerprints=remote.fingerprints,
            now=time.monotonic(),
        )
        done: asyncio.Future[None] = loop.create_future()
        self._handshakes[endpoint] = handshake, done
        username = f"{remote.credentials.ufrag}:{ours.ufrag}"
        self._engine.connect(endpoint, remote.host, remote.port, username, remote.credentials.pwd)
        try:
            await asyncio.wait_for(done, PATIENCE)
        except TimeoutError:
            state = handshake.state.name.lower()
            raise ClientError(f"{name}: no connection in {PATIENCE:.0f} s, DTLS {state}") from None
        except DtlsError as error:
            raise ClientError(f"{name}: {error}") from error
        finally:
            del self._handshakes[endpoint]

    def _read(self) -> None:
        now = time.monotonic()
        for endpoint, datagram in self._engine.events():
            # Later ones are repetitions of the server's last flight.
            if endpoint in self._handshakes:
                self._step(endpoint, datagram, now)

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
            self._engine.set_keys(endpoint, keys.profile, keys.receive, keys.send)
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
            self._engine.send(endpoint, list(flight))


class Signaling:
    """One participant's socket."""

    def __init__(self, name: str, socket: ClientConnection) -> None:
        self.name = name
        self._socket = socket
        self._next_id = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._offer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, url: str, name: str) -> "Signaling":
        """Opens a socket. Raises ClientError."""
        try:
            socket = await connect(
                url, subprotocols=[Subprotocol("sfu.v1")], compression=None, open_timeout=PATIENCE
            )
        except (OSError, WebSocketException, TimeoutError) as error:
            raise ClientError(f"{name}: no signaling socket: {error}") from error
        return cls(name, socket)

    async def request(self, type: str, **fields: object) -> dict[str, Any]:
        """Sends a request and gives its answer. Raises ClientError when it is refused."""
        self._next_id += 1
        id = self._next_id
        self._answers[id] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send(json.dumps({"type": type, "id": id, **fields}))
            answer = await asyncio.wait_for(self._answers[id], PATIENCE)
        except (WebSocketException, TimeoutError) as error:
            reason = str(error) or "no answer"
            raise ClientError(f"{self.name}: {type}: {reason}") from error
        finally:
            del self._answers[id]
        if answer["type"] == "error":
            raise ClientError(
                f"{self.name}: {type} refused: {answer.get('code')}: {answer.get('message')}"
            )
        return answer

    async def offer(self) -> str:
        """The server's first offer. Raises ClientError when none comes."""
        try:
            return await asyncio.wait_for(asyncio.shield(self._offer), PATIENCE)
        except TimeoutError:
            raise ClientError(f"{self.name}: the server made no offer") from None

    async def close(self) -> None:
        """Closes the socket without a word, as a closed laptop does."""
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader
        self._offer.cancel()
        await self._socket.close()

    async def _read(self) -> None:
        error: Exception = ClientError(f"{self.name}: the server closed the socket")
        try:
            async for frame in self._socket:
                self._take(json.loads(frame))
        except WebSocketException as closed:
            error = closed
        for future in self._answers.values():
            if not future.done():
                future.set_exception(error)

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "offer" and not self._offer.done():
            self._offer.set_result(message["sdp"])
        future = self._answers.get(message.get("id", 0))
        if future is not None and not future.done():
            future.set_result(message)
