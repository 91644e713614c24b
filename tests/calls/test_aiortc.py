"""A call between two peers that are not ours: aiortc publishes, aiortc receives.

The picture that arrives is compared with the one that was sent, the tone that
arrives with the tone that was sent.
"""

import asyncio
import fractions
import json
import math
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest_asyncio
from aiortc import (
    AudioStreamTrack,
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.calls.daemon import Daemon

WIDTH, HEIGHT = 320, 240
BLOCK = 20
"""A frame's number stands in its first rows: BITS blocks, white is one."""
BITS = 16
TONE = 440.0
RATE = 48_000

Image = npt.NDArray[np.uint8]


def drawn(number: int) -> Image:
    """Frame `number`: colour bars, a bar that moves, and the number itself."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for column, colour in enumerate([(200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40)]):
        image[:, column * WIDTH // 4 : (column + 1) * WIDTH // 4] = colour
    left = number * 4 % (WIDTH - 20)
    image[60:180, left : left + 20] = 255
    for bit in range(BITS):
        image[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 255 * (number >> bit & 1)
    return image


def number_in(image: Image) -> int:
    """The number that a received frame shows."""
    centres = [image[BLOCK // 2, bit * BLOCK + BLOCK // 2].mean() > 127 for bit in range(BITS)]
    return sum(1 << bit for bit, one in enumerate(centres) if one)


def psnr(one: Image, other: Image) -> float:
    """Peak signal to noise ratio, in dB; more than 30 looks alike."""
    error = np.mean((one.astype(float) - other.astype(float)) ** 2)
    return 10 * math.log10(255**2 / max(float(error), 1e-9))


class Camera(VideoStreamTrack):
    """Draws numbered frames, 30 a second."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    async def recv(self) -> VideoFrame:
        timestamp, base = await self.next_timestamp()
        frame = VideoFrame.from_ndarray(drawn(self.number), format="rgb24")
        frame.pts, frame.time_base = timestamp, base
        self.number += 1
        return frame


class Tone(AudioStreamTrack):
    """A sine at half of full scale, so that the audio level makes it audible."""

    def __init__(self) -> None:
        super().__init__()
        self._at = 0
        self._start = 0.0

    async def recv(self) -> AudioFrame:
        loop = asyncio.get_running_loop()
        self._start = self._start or loop.time()
        await asyncio.sleep(max(0.0, self._start + self._at / RATE - loop.time()))
        times = (self._at + np.arange(RATE // 50)) / RATE
        samples = (16_000 * np.sin(2 * math.pi * TONE * times)).astype(np.int16)
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, self._at
        frame.time_base = fractions.Fraction(1, RATE)
        self._at += RATE // 50
        return frame


class Client:
    """A signaling socket with its two peer connections."""

    def __init__(self, socket: ClientConnection) -> None:
        # With its default policy aiortc loses all m-lines of a kind but the first.
        together = RTCConfiguration(bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        self.publishing = RTCPeerConnection(together)
        self.receiving = RTCPeerConnection(together)
        self.events: list[dict[str, Any]] = []
        self.joined: dict[str, Any] = {}
        self._socket = socket
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._news = asyncio.Event()
        self._reader = asyncio.create_task(self._read())
        self._ids = 0

    async def ask(self, type: str, **fields: Any) -> dict[str, Any]:
        """A request and its answer, which must be ok."""
        self._ids += 1
        answer = self._answers[self._ids] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"type": type, "id": self._ids, **fields}))
        frame: dict[str, Any] = await asyncio.wait_for(answer, 10)
        assert frame["type"] == "ok", frame
        return frame

    async def event(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first event, past or to come, that is wanted."""
        async with asyncio.timeout(15):
            while True:
                for event in self.events:
                    if wanted(event):
                        return event
                self._news.clear()
                await self._news.wait()

    async def join(self, room: str, role: str) -> None:
        """Joins and answers the server's offer."""
        self.joined = await self.ask("join", room=room, role=role, name=role.title())
        offer = await self.event(lambda event: event["type"] == "offer")
        sdp = offer["sdp"]
        await self.receiving.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        await self.receiving.setLocalDescription(await self.receiving.createAnswer())
        await self.ask("answer", sdp=self.receiving.localDescription.sdp)

    async def publish(self, **tracks: MediaStreamTrack) -> None:
        """Publishes each track as the source that its name says."""
        transceivers = {
            source: self.publishing.addTransceiver(track, direction="sendonly")
            for source, track in tracks.items()
        }
        await self.publishing.setLocalDescription(await self.publishing.createOffer())
        answer = await self.ask(
            "publish",
            sdp=self.publishing.localDescription.sdp,
            sources={each.mid: source for source, each in transceivers.items()},
        )
        sdp = answer["sdp"]
        description = RTCSessionDescription(sdp, "answer")
        await self.publishing.setRemoteDescription(description)

    def track(self, mid: str) -> MediaStreamTrack:
        """What is received on an m-line."""
        (found,) = [each for each in self.receiving.getTransceivers() if each.mid == mid]
        return found.receiver.track

    async def close(self) -> None:
        await self.publishing.close()
        await self.receiving.close()
        await self._socket.close()
        await self._reader

    async def _read(self) -> None:
        async for text in self._socket:
            frame = json.loads(text)
            if waiting := self._answers.pop(frame.get("id"), None):
                waiting.set_result(frame)
            else:
                self.events.append(frame)
                self._news.set()


@pytest_asyncio.fixture
async def client(daemon: Daemon) -> AsyncIterator[Callable[[], Any]]:
    clients: list[Client] = []

    async def make() -> Client:
        url = daemon.url.replace("http", "ws") + "/v1/signal"
        clients.append(Client(await connect(url, subprotocols=[Subprotocol("sfu.v1")])))
        return clients[-1]

    yield make
    for each in clients:
        await each.close()


async def frames(track: MediaStreamTrack, count: int) -> list[Any]:
    """The next frames of a track."""
    async with asyncio.timeout(20):
        return [await track.recv() for _ in range(count)]


async def is_silent(track: MediaStreamTrack, seconds: float) -> bool:
    """Whether nothing arrives for a while, after what is on its way."""
    try:
        while True:
            await asyncio.wait_for(track.recv(), seconds)
    except (TimeoutError, MediaStreamError):
        return True


async def test_picture_and_sound_arrive_as_they_were_sent(client: Any, room: str) -> None:
    presenter, attendee = await client(), await client()
    await presenter.join(room, "presenter")
    await attendee.join(room, "attendee")
    camera = Camera()
    await presenter.publish(camera=camera, microphone=Tone())
    seat = f"seat-{presenter.joined['participant']['seat']}"
    shown = await attendee.event(lambda e: e["type"] == "slots" and seat in e["slots"])
    assert shown["slots"][seat] == {
        "participant": presenter.joined["participant"]["id"],
        "camera": True,
        "microphone": True,
    }

    pictures = await frames(attendee.track("v" + seat[5:]), 60)
    numbers = []
    for frame in pictures[-30:]:
        image = frame.to_ndarray(format="rgb24")
        assert image.shape == (HEIGHT, WIDTH, 3)
        numbers.append(number_in(image))
        assert psnr(image[BLOCK:], drawn(numbers[-1])[BLOCK:]) > 27
    assert numbers == sorted(numbers)
    assert len(set(numbers)) >= 28
    assert 0 <= camera.number - numbers[-1] < 90

    sounds = await frames(attendee.track("a" + seat[5:]), 100)
    samples = np.concatenate([frame.to_ndarray().reshape(-1, 2)[:, 0] for frame in sounds[-50:]])
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    loudest = float(np.argmax(spectrum)) * RATE / len(samples)
    assert abs(loudest - TONE) < 5
    assert np.abs(samples).max() > 5_000


async def test_a_mute_stops_the_packets_and_unmuting_brings_them_back(
    client: Any, room: str
) -> None:
    presenter, attendee = await client(), await client()
    await presenter.join(room, "presenter")
    await attendee.join(room, "attendee")
    await presenter.publish(camera=Camera())
    track = attendee.track("v1")
    await frames(track, 10)
    await presenter.ask("mute", source="camera", muted=True)
    assert await asyncio.wait_for(is_silent(track, 1.0), 15)
    await presenter.ask("mute", source="camera", muted=False)
    (frame,) = await frames(track, 1)
    image = frame.to_ndarray(format="rgb24")
    assert psnr(image[BLOCK:], drawn(number_in(image))[BLOCK:]) > 25


async def test_a_late_joiner_sees_the_picture(client: Any, room: str) -> None:
    presenter = await client()
    await presenter.join(room, "presenter")
    await presenter.publish(camera=Camera())
    await asyncio.sleep(3)
    late = await client()
    await late.join(room, "attendee")
    pictures = await frames(late.track("v1"), 20)
    image = pictures[-1].to_ndarray(format="rgb24")
    assert psnr(image[BLOCK:], drawn(number_in(image))[BLOCK:]) > 27


async def test_what_leaves_the_view_stops_and_what_comes_back_goes_on(
    client: Any, room: str
) -> None:
    presenter, attendee = await client(), await client()
    await presenter.join(room, "presenter")
    await attendee.join(room, "attendee")
    await presenter.publish(camera=Camera())
    track = attendee.track("v1")
    await frames(track, 10)
    await attendee.ask("view", slots={"seat-1": "off"})
    assert await asyncio.wait_for(is_silent(track, 1.0), 15)
    await attendee.ask("view", slots={"seat-1": {"max_height": 240}})
    await frames(track, 5)
    quality = await attendee.event(
        lambda e: e["type"] == "quality" and (e["slots"].get("seat-1") or {}).get("height") == 240
    )
    assert quality["slots"]["seat-1"]["width"] == WIDTH
