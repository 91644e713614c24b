"""A call between two peers that are not ours: aiortc publishes, aiortc receives.

The picture that arrives is compared with the one that was sent, the tone that
arrives with the tone that was sent.
"""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest_asyncio
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from sfu.client import Client, TestPicture, Tone, number_in
from tests.calls.daemon import Daemon

WIDTH, HEIGHT = 320, 240
BLOCK = 20
"""Rows that show the picture's number."""
TONE = 440.0
RATE = 48_000

Image = npt.NDArray[np.uint8]

drawn = TestPicture(WIDTH, HEIGHT).drawn


def psnr(one: Image, other: Image) -> float:
    """Peak signal to noise ratio, in dB; more than 30 looks alike."""
    error = np.mean((one.astype(float) - other.astype(float)) ** 2)
    return 10 * math.log10(255**2 / max(float(error), 1e-9))


@pytest_asyncio.fixture
async def client(daemon: Daemon, room: str) -> AsyncIterator[Callable[[str], Any]]:
    """Makes clients that are in the test's room."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(role: str) -> Client:
            url = daemon.url.replace("http", "ws") + "/v1/signal"
            made = await stack.enter_async_context(Client(url))
            await made.join(room, role=role, name=role.title())
            return made

        yield make


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


async def test_picture_and_sound_arrive_as_they_were_sent(client: Any) -> None:
    presenter, attendee = await client("presenter"), await client("attendee")
    camera = TestPicture(WIDTH, HEIGHT)
    await presenter.publish(camera=camera, microphone=Tone(TONE))
    seat = presenter.seat
    holder = {"participant": presenter.participant["id"], "camera": True, "microphone": True}
    await attendee.until(lambda guest: guest.slots.get(seat) == holder)

    pictures = await frames(attendee.track(seat), 60)
    numbers = []
    for frame in pictures[-30:]:
        image = frame.to_ndarray(format="rgb24")
        assert image.shape == (HEIGHT, WIDTH, 3)
        numbers.append(number_in(image))
        assert psnr(image[BLOCK:], drawn(numbers[-1])[BLOCK:]) > 27
    assert numbers == sorted(numbers)
    assert len(set(numbers)) >= 28
    assert 0 <= camera.number - numbers[-1] < 90

    sounds = await frames(attendee.track(seat, "audio"), 100)
    samples = np.concatenate([frame.to_ndarray().reshape(-1, 2)[:, 0] for frame in sounds[-50:]])
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    loudest = float(np.argmax(spectrum)) * RATE / len(samples)
    assert abs(loudest - TONE) < 5
    assert np.abs(samples).max() > 5_000


async def test_a_mute_stops_the_packets_and_unmuting_brings_them_back(client: Any) -> None:
    presenter, attendee = await client("presenter"), await client("attendee")
    await presenter.publish(camera=TestPicture(WIDTH, HEIGHT))
    track = attendee.track("seat-1")
    await frames(track, 10)
    # By the bare request: the server holds it back, whatever the client sends.
    await presenter.request("mute", source="camera", muted=True)
    assert await asyncio.wait_for(is_silent(track, 1.0), 15)
    await presenter.request("mute", source="camera", muted=False)
    (frame,) = await frames(track, 1)
    image = frame.to_ndarray(format="rgb24")
    assert psnr(image[BLOCK:], drawn(number_in(image))[BLOCK:]) > 25


async def test_a_late_joiner_sees_the_picture(client: Any) -> None:
    presenter = await client("presenter")
    await presenter.publish(camera=TestPicture(WIDTH, HEIGHT))
    await asyncio.sleep(3)
    late = await client("attendee")
    pictures = await frames(late.track("seat-1"), 20)
    image = pictures[-1].to_ndarray(format="rgb24")
    assert psnr(image[BLOCK:], drawn(number_in(image))[BLOCK:]) > 27


async def test_what_leaves_the_view_stops_and_what_comes_back_goes_on(client: Any) -> None:
    presenter, attendee = await client("presenter"), await client("attendee")
    await presenter.publish(camera=TestPicture(WIDTH, HEIGHT))
    track = attendee.track("seat-1")
    await frames(track, 10)
    await attendee.view({"seat-1": "off"})
    assert await asyncio.wait_for(is_silent(track, 1.0), 15)
    await attendee.view({"seat-1": {"max_height": 240}})
    await frames(track, 5)
    await attendee.until(
        lambda guest: (guest.quality.get("seat-1") or {}).get("height") == HEIGHT, 15
    )
    assert attendee.quality["seat-1"]["width"] == WIDTH
