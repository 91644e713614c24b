"""A mediasoup worker with one router, driven through its Node library."""

import asyncio
import itertools
import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Self

from sfu.bench.clients import VERIFY_EVERY, add_presenter
from sfu.bench.description import AUDIO_MID, VIDEO_MID, Credentials, Format, Remote
from sfu.bench.endpoints import Endpoints
from sfu.bench.errors import ClientError
from sfu.bench.peers import MissingPeer
from sfu.bench.process import Process
from sfu.bench.shape import Shape

_SCRIPT: Final = Path(__file__).with_suffix(".mjs")
_TRANSPORT_CC: Final = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
_EXTENSIONS: Final = {
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time": 2,
    _TRANSPORT_CC: 3,
    "urn:ietf:params:rtp-hdrext:sdes:mid": 4,
}


def version(folder: Path | None = None) -> str:
    """Of the installed one. Raises MissingPeer."""
    text = (_package(folder) / "package.json").read_text(encoding="utf-8")
    return str(json.loads(text)["version"])


def _package(folder: Path | None) -> Path:
    package = (folder or Path()) / "node_modules" / "mediasoup"
    if shutil.which("node") is None or not (package / "package.json").is_file():
        raise MissingPeer("mediasoup is not there: npm install mediasoup, and name that folder")
    return package


class Mediasoup(Process):
    """Node and the worker that it starts; both count."""

    def __init__(self, core: int | None, folder: Path | None = None) -> None:
        """`folder` is where it was installed by npm. Raises MissingPeer."""
        _package(folder)
        self._installed = folder or Path()
        super().__init__(core)
        self._requests = itertools.count(1)

    def __enter__(self) -> Self:
        command = ["node", str(_SCRIPT), str(self._installed)]
        self.start(command, lambda: True, piped=True)
        try:
            self.request("hello")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def request(self, name: str, **fields: object) -> Any:
        """Asks the script for something and gives its answer. Raises ClientError."""
        process = self.running
        assert process.stdin is not None
        assert process.stdout is not None
        line = json.dumps({"number": next(self._requests), "request": name, **fields})
        process.stdin.write(line.encode() + b"\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            raise ClientError(f"mediasoup has ended:\n{self.complaints()}")
        document = json.loads(answer)
        if "error" in document:
            raise ClientError(f"mediasoup: {name}: {document['error']}")
        return document

    def clients(self, endpoints: Endpoints) -> "MediasoupClients":
        """Participants of the router."""
        return MediasoupClients(self, endpoints)


class MediasoupClients:
    """Everybody with one transport."""

    def __init__(self, server: Mediasoup, endpoints: Endpoints) -> None:
        self._server = server
        self._endpoints = endpoints
        # The script is asked one thing at a time.
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def add_presenter(self, number: int, shape: Shape) -> None:
        """Connects and produces."""
        endpoint, video_ssrc, audio_ssrc = add_presenter(self._endpoints.engine, number, shape)
        transport = await self._request("transport")
        tracks = [("video", video(video_ssrc)), ("audio", audio(audio_ssrc))]
        for kind, parameters in tracks[: 1 + (number < shape.speakers)]:
            await self._request("produce", id=transport["id"], kind=kind, rtpParameters=parameters)
        await self._connect(f"presenter {number}", endpoint, transport)

    async def add_attendee(self, number: int) -> int:
        """Connects and consumes everything."""
        transport = await self._request("transport")
        answer = await self._request("consume", id=transport["id"])
        endpoint = self._endpoints.engine.add_attendee(
            verify=number % VERIFY_EVERY == 0, format=read_format(answer["consumers"])
        )
        await self._connect(f"attendee {number}", endpoint, transport)
        return endpoint

    async def _connect(self, name: str, endpoint: int, transport: dict[str, Any]) -> None:
        algorithm, value = self._endpoints.fingerprint.split()
        dtls = {"role": "client", "fingerprints": [{"algorithm": algorithm, "value": value}]}
        await self._request("connect", id=transport["id"], dtlsParameters=dtls)
        ours = Credentials.generate()
        await self._endpoints.connect(name, endpoint, ours, read_remote(transport))

    async def _request(self, name: str, **fields: object) -> Any:
        async with self._lock:
            return await asyncio.to_thread(self._server.request, name, **fields)


def video(ssrc: int) -> dict[str, Any]:
    """What a camera sends, in the words of mediasoup's RtpSendParameters."""
    feedback = [
        {"type": "nack"},
        {"type": "nack", "parameter": "pli"},
        {"type": "ccm", "parameter": "fir"},
        {"type": "transport-cc"},
    ]
    codec = {"mimeType": "video/VP8", "clockRate": 90000}
    retransmission = {"mimeType": "video/rtx", "clockRate": 90000}
    return {
        "mid": VIDEO_MID,
        "codecs": [
            {**codec, "payloadType": 96, "rtcpFeedback": feedback},
            {**retransmission, "payloadType": 97, "parameters": {"apt": 96}},
        ],
        "headerExtensions": _extensions(),
        "encodings": [{"ssrc": ssrc, "rtx": {"ssrc": ssrc + 1}}],
    }


def audio(ssrc: int) -> dict[str, Any]:
    """What a microphone sends."""
    codec = {"mimeType": "audio/opus", "clockRate": 48000, "channels": 2}
    feedback = [{"type": "transport-cc"}]
    return {
        "mid": AUDIO_MID,
        "codecs": [{**codec, "payloadType": 111, "rtcpFeedback": feedback}],
        "headerExtensions": [
            *_extensions(),
            {"uri": "urn:ietf:params:rtp-hdrext:ssrc-audio-level", "id": 1},
        ],
        "encodings": [{"ssrc": ssrc}],
    }


def _extensions() -> list[dict[str, Any]]:
    return [{"uri": uri, "id": id} for uri, id in _EXTENSIONS.items()]


def read_format(consumers: Iterable[dict[str, Any]]) -> Format:
    """What the router's consumers call things."""
    types: dict[str, int] = {}
    transport_cc = 0
    for consumer in consumers:
        parameters = consumer["rtpParameters"]
        for codec in parameters["codecs"]:
            types[codec["mimeType"].lower()] = codec["payloadType"]
        for extension in parameters["headerExtensions"]:
            if extension["uri"] == _TRANSPORT_CC:
                transport_cc = extension["id"]
    return types["video/vp8"], types["video/rtx"], types["audio/opus"], transport_cc


def read_remote(transport: dict[str, Any]) -> Remote:
    """The server's side of a transport."""
    ice = transport["iceParameters"]
    candidate = transport["iceCandidates"][0]
    prints = transport["dtlsParameters"]["fingerprints"]
    sha256 = next(each["value"] for each in prints if each["algorithm"] == "sha-256")
    host = candidate.get("address", candidate.get("ip"))
    assert re.fullmatch(r"[\d.]+", host)
    return Remote(
        Credentials(ice["usernameFragment"], ice["password"]),
        (f"sha-256 {sha256}",),
        host,
        candidate["port"],
    )
