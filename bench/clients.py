"""Synthetic participants of this server: its signaling, each on a socket of its own."""

import asyncio
import contextlib
import json
import time
from typing import Any, Final, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from sfu.bench._load import Engine
from sfu.bench.description import (
    AUDIO_MID,
    SOURCES,
    VIDEO_MID,
    Credentials,
    publish_offer,
    read_remote,
    receive_answer,
)
from sfu.bench.endpoints import PATIENCE, Endpoints
from sfu.bench.errors import ClientError, Refused
from sfu.bench.shape import Shape

VERIFY_EVERY: Final = 16
"""One attendee in so many opens and compares every packet."""


class Clients:
    """All participants of one room of this server; an asynchronous context that ends them."""

    def __init__(self, url: str, room: str, endpoints: Endpoints) -> None:
        """`url` is that of the signaling socket."""
        self._url = url
        self._room = room
        self._endpoints = endpoints
        self._signaling: dict[int, Signaling] = {}
        self.stages: dict[str, list[float]] = {}
        """Seconds that each part of a join has taken."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        sockets = self._signaling.values()
        await asyncio.gather(*(each.close() for each in sockets), return_exceptions=True)

    async def add_presenter(self, number: int, shape: Shape) -> None:
        """Joins with one camera, and with a microphone if it is one of those who speak. Raises
        ClientError."""
        name = f"presenter {number}"
        role = "organizer" if number == 0 else "presenter"
        speaks = number < shape.speakers
        signaling = await self._join(name, role)
        endpoint, video_ssrc, audio_ssrc = add_presenter(self._endpoints.engine, number, shape)
        self._signaling[endpoint] = signaling
        ours = Credentials.generate()
        offer = publish_offer(
            ours, self._endpoints.fingerprint, video_ssrc, audio_ssrc, microphone=speaks
        )
        sources = {mid: SOURCES[mid] for mid in (VIDEO_MID, AUDIO_MID)[: 1 + speaks]}
        answer = await signaling.request("publish", sdp=offer, sources=sources)
        await self._endpoints.connect(name, endpoint, ours, read_remote(answer["sdp"]))

    async def add_attendee(self, number: int) -> int:
        """Joins to receive and gives the endpoint. Raises ClientError."""
        name, start = f"attendee {number}", time.monotonic()
        signaling = await self._join(name, "attendee")
        offer = await signaling.offer()
        offered = self._stage("offered", start)
        endpoint = self._endpoints.engine.add_attendee(verify=number % VERIFY_EVERY == 0)
        self._signaling[endpoint] = signaling
        ours = Credentials.generate()
        answer = receive_answer(offer, ours, self._endpoints.fingerprint)
        await signaling.request("answer", sdp=answer)
        answered = self._stage("answered", offered)
        await self._endpoints.connect(name, endpoint, ours, read_remote(offer))
        self._stage("connected", answered)
        return endpoint

    async def leave(self, endpoint: int, *, politely: bool) -> None:
        """Ends a participant: by word, or as a closed laptop does."""
        signaling = self._signaling.pop(endpoint)
        if politely:
            await signaling.request("leave")
        await signaling.close()
        self._endpoints.remove(endpoint)

    def _stage(self, name: str, start: float) -> float:
        now = time.monotonic()
        self.stages.setdefault(name, []).append(now - start)
        return now

    async def _join(self, name: str, role: str) -> "Signaling":
        signaling = await Signaling.open(self._url, name)
        try:
            answer = await signaling.request("join", room=self._room, name=name, role=role)
            if answer.get("status") != "admitted":
                raise ClientError(f"{name}: {answer.get('status')}, not admitted")
        except BaseException:
            await signaling.close()
            raise
        return signaling


def add_presenter(engine: Engine, number: int, shape: Shape) -> tuple[int, int, int]:
    """One that sends what the shape says, and its SSRCs of video and sound."""
    video_ssrc, audio_ssrc = 1000 + 10 * number, 1005 + 10 * number
    endpoint = engine.add_presenter(
        video_ssrc=video_ssrc,
        audio_ssrc=audio_ssrc,
        bitrate=shape.bitrate,
        fps=shape.fps,
        seed=12345 + number,
        microphone=number < shape.speakers,
    )
    return endpoint, video_ssrc, audio_ssrc


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
    async def open(cls, url: str, name: str) -> Self:
        """Opens a socket. Raises ClientError."""
        try:
            socket = await connect(
                url,
                subprotocols=[Subprotocol("sfu.v1")],
                compression=None,
                open_timeout=PATIENCE,
                ping_interval=None,  # as browsers: they answer pings, and send none
                proxy=None,
            )
        except (OSError, WebSocketException, TimeoutError) as error:
            raise ClientError(f"{name}: no signaling socket: {error}") from error
        return cls(name, socket)

    async def request(self, type: str, **fields: object) -> dict[str, Any]:
        """Sends a request and gives its answer. Raises ClientError when it is refused."""
        self._next_id += 1
        id = self._next_id
        told: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[id] = told
        try:
            await self._socket.send(json.dumps({"type": type, "id": id, **fields}))
            # Not wait_for: who is cancelled as the answer comes would go on (bpo-37658).
            async with asyncio.timeout(PATIENCE):
                answer = await told
        except (WebSocketException, TimeoutError) as error:
            reason = str(error) or "no answer"
            raise ClientError(f"{self.name}: {type}: {reason}") from error
        finally:
            del self._answers[id]
            if told.done() and not told.cancelled():
                told.exception()  # heard of, also where sending has failed first
        if answer["type"] == "error":
            code = answer.get("code", "")
            message = f"{self.name}: {type} refused: {code}: {answer.get('message')}"
            raise Refused(message, code)
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
