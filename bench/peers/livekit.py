"""LiveKit: one node without Redis, one UDP port, ICE lite, its protobuf signaling."""

import asyncio
import contextlib
import itertools
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Final, Self

import jwt
from websockets.asyncio.client import ClientConnection, connect

from sfu.bench.clients import VERIFY_EVERY, add_presenter
from sfu.bench.description import (
    AUDIO_MID,
    VIDEO_MID,
    Credentials,
    DescriptionError,
    Format,
    Remote,
    publish_offer,
    read_format,
    read_transport,
    receive_answer,
)
from sfu.bench.endpoints import PATIENCE, Endpoints
from sfu.bench.errors import ClientError
from sfu.bench.peers import MissingPeer
from sfu.bench.process import Process, free_port, listens
from sfu.bench.shape import Shape

KEY: Final = "bench"
SECRET: Final = "for measurements on this machine alone"
PING: Final = 5.0
_CONFIGURATION: Final = """
port: {port}
bind_addresses: ["127.0.0.1"]
rtc:
  tcp_port: 0
  udp_port: {udp_port}
  node_ip: 127.0.0.1
  use_ice_lite: true
  enable_loopback_candidate: true
  congestion_control:
    use_send_side_bwe: true
keys:
  {key}: {secret}
logging:
  level: warn
"""


def version(folder: Path | None = None) -> str:
    """Of the installed one. Raises MissingPeer."""
    command = [_program(folder), "--version"]
    words = subprocess.run(command, capture_output=True, text=True, timeout=10).stdout.split()
    return words[-1] if words else "unknown"


def _program(folder: Path | None) -> str:
    found = shutil.which("livekit-server", path=None if folder is None else str(folder))
    if found is None:
        raise MissingPeer("livekit-server is not in the path")
    return found


def _messages() -> Any:
    """The protocol's messages. Raises MissingPeer."""
    try:
        from livekit.protocol import rtc
    except ImportError:
        raise MissingPeer("livekit needs its messages: pip install livekit-protocol") from None
    return rtc


class LiveKit(Process):
    """One process with a configuration of its own."""

    def __init__(self, core: int | None, folder: Path | None = None) -> None:
        """`folder` holds the program. Raises MissingPeer."""
        self._program = _program(folder)
        _messages()
        super().__init__(core)
        self.port = free_port(socket.SOCK_STREAM)
        self.udp_port = free_port(socket.SOCK_DGRAM)

    def __enter__(self) -> Self:
        path = self.folder / "livekit.yaml"
        text = _CONFIGURATION.format(port=self.port, udp_port=self.udp_port, key=KEY, secret=SECRET)
        path.write_text(text, encoding="utf-8")
        self.start([self._program, "--config", str(path)], lambda: listens(self.port))
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def clients(self, endpoints: Endpoints) -> "LiveKitClients":
        """Participants of a fresh room."""
        return LiveKitClients(self.port, self.udp_port, endpoints)


class LiveKitClients:
    """Everybody with a socket of their own; two transports, of which each uses one."""

    def __init__(self, port: int, udp_port: int, endpoints: Endpoints) -> None:
        self._url = f"ws://127.0.0.1:{port}/rtc"
        self._udp_port = udp_port
        self._endpoints = endpoints
        self._sockets: list[Signals] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(each.close() for each in self._sockets), return_exceptions=True)

    async def add_presenter(self, number: int, shape: Shape) -> None:
        """Announces its tracks and publishes."""
        rtc = _messages()
        name = f"presenter {number}"
        signals = await self._join(name, publishes=True)
        speaks = number < shape.speakers
        # Type and source: audio, microphone; video, camera.
        tracks = [(VIDEO_MID, 1, 1), (AUDIO_MID, 0, 2)][: 1 + speaks]
        for cid, kind, source in tracks:
            track = rtc.AddTrackRequest(cid=cid, name=cid, type=kind, source=source)
            await signals.request(rtc.SignalRequest(add_track=track), "track_published")
        endpoint, video_ssrc, audio_ssrc = add_presenter(self._endpoints.engine, number, shape)
        ours = Credentials.generate()
        offer = publish_offer(
            ours,
            self._endpoints.fingerprint,
            video_ssrc,
            audio_ssrc,
            microphone=speaks,
            setup="active",
        )
        description = rtc.SessionDescription(type="offer", sdp=offer)
        answer = await signals.request(rtc.SignalRequest(offer=description), "answer")
        await self._endpoints.connect(name, endpoint, ours, self._remote(answer.answer.sdp))

    async def add_attendee(self, number: int) -> int:
        """Takes whatever the server offers."""
        name = f"attendee {number}"
        signals = await self._join(name, publishes=False)
        offer, format = await signals.offer()
        endpoint = self._endpoints.engine.add_attendee(
            verify=number % VERIFY_EVERY == 0, format=format
        )
        await self._endpoints.connect(name, endpoint, signals.ours, self._remote(offer))
        return endpoint

    async def _join(self, name: str, *, publishes: bool) -> "Signals":
        grants = {
            "room": "bench",
            "roomJoin": True,
            "canPublish": publishes,
            "canSubscribe": not publishes,
        }
        claims = {"iss": KEY, "sub": name, "exp": int(time.time()) + 3600, "video": grants}
        token = jwt.encode(claims, SECRET, "HS256")
        url = f"{self._url}?access_token={token}&auto_subscribe=1&protocol=9&sdk=python"
        signals = Signals(name, await connect(url, compression=None), self._endpoints.fingerprint)
        self._sockets.append(signals)
        await signals.request(None, "join")
        return signals

    def _remote(self, description: str) -> Remote:
        # Candidates are trickled; there is only this one.
        return read_transport(description, "127.0.0.1", self._udp_port)


class Signals:
    """One participant's socket; it answers every offer of the server by itself."""

    def __init__(self, name: str, socket: ClientConnection, fingerprint: str) -> None:
        self._name = name
        self._socket = socket
        self._fingerprint = fingerprint
        self._rtc = _messages()
        self.ours = Credentials.generate()
        loop = asyncio.get_running_loop()
        self._offer: asyncio.Future[tuple[str, Format]] = loop.create_future()
        self._messages: asyncio.Queue[Any] = asyncio.Queue(64)
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._ping())]

    async def request(self, request: Any, wanted: str) -> Any:
        """Sends it, if it is not None, and gives the next message of the kind that is wanted.
        Raises ClientError."""
        if request is not None:
            await self._socket.send(request.SerializeToString())
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    message = await self._messages.get()
                    if message.WhichOneof("message") == wanted:
                        return message
        except TimeoutError:
            raise ClientError(f"livekit: {self._name}: no {wanted}") from None

    async def offer(self) -> tuple[str, Format]:
        """The server's first offer of video. Raises ClientError."""
        try:
            return await asyncio.wait_for(asyncio.shield(self._offer), PATIENCE)
        except TimeoutError:
            raise ClientError(f"livekit: {self._name}: no offer") from None

    async def close(self) -> None:
        """Closes the socket without a word."""
        for task in self._tasks:
            task.cancel()
        self._offer.cancel()
        await self._socket.close()

    async def _ping(self) -> None:
        for count in itertools.count(1):
            await asyncio.sleep(PING)
            await self._socket.send(self._rtc.SignalRequest(ping=count).SerializeToString())

    async def _read(self) -> None:
        async for frame in self._socket:
            message = self._rtc.SignalResponse()
            message.ParseFromString(frame)
            if message.WhichOneof("message") == "offer":
                await self._answer(message.offer)
            else:
                # What nobody waits for is passed over.
                with contextlib.suppress(asyncio.QueueFull):
                    self._messages.put_nowait(message)

    async def _answer(self, offer: Any) -> None:
        sdp = receive_answer(offer.sdp, self.ours, self._fingerprint)
        answer = self._rtc.SessionDescription(type="answer", sdp=sdp, id=offer.id)
        await self._socket.send(self._rtc.SignalRequest(answer=answer).SerializeToString())
        # The first one may have the data channel alone.
        with contextlib.suppress(DescriptionError):
            format = read_format(offer.sdp)
            if not self._offer.done():
                self._offer.set_result((offer.sdp, format))
