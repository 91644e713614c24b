"""What publishers do and receivers suffer from it: too much that is cut, a pause that is seen."""

import asyncio
import json
import urllib.request
from typing import Any

import numpy as np
import pytest
from aiortc.codecs import vpx
from aiortc.mediastreams import MediaStreamError
from av import VideoFrame

from sfu.client import Client, TestPicture, Tone
from sfu.config import DEV_SECRET, DEV_TENANT
from sfu.config.budgets import AUDIO, upload
from tests.calls.daemon import Daemon
from tests.calls.records import record_of
from tests.waiting import until

BUDGET = AUDIO + upload("hd", "lite")["camera"]
TOO_MUCH = 9_000_000


class Noise(TestPicture):
    """Pictures of which no bit can be saved."""

    def __init__(self) -> None:
        super().__init__()
        chance = np.random.default_rng(1)
        self._pictures = [
            VideoFrame.from_ndarray(chance.integers(0, 256, (240, 320, 3), np.uint8), "rgb24")
            for _ in range(4)
        ]

    async def recv(self) -> VideoFrame:
        timestamp, base = await self.next_timestamp()
        self.number += 1
        frame = self._pictures[self.number % 4]
        frame.pts, frame.time_base = timestamp, base
        return frame


class Halting(TestPicture):
    """Pictures that stop while `go` is not set."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.go.set()

    async def recv(self) -> VideoFrame:
        await self.go.wait()
        return await super().recv()


def metric(daemon: Daemon, name: str) -> float:
    """The sum over a metric's labels that begin as `name` does."""
    with urllib.request.urlopen(f"{daemon.url}/metrics") as page:
        lines = page.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


def path_of(daemon: Daemon, room: str, name: str) -> dict[str, Any]:
    """What operators are shown of somebody's path."""
    token = {"authorization": f"Bearer {DEV_TENANT}:{DEV_SECRET}"}
    request = urllib.request.Request(f"{daemon.url}/v1/rooms/{room}/media", headers=token)
    with urllib.request.urlopen(request) as answer:
        people = json.loads(answer.read())["items"]
    (path,) = (each["receive"]["path"] for each in people if each["name"] == name)
    assert isinstance(path, dict)
    return path


async def arrived(track: Any, count: int) -> int:
    """So many frames, or fewer when no more come for a second."""
    for had in range(count):
        try:
            await asyncio.wait_for(track.recv(), 1.0)
        except (TimeoutError, MediaStreamError):
            return had
    return count


async def test_who_sends_too_much_is_told_and_cut_but_heard(
    daemon: Daemon, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An encoder that does not listen: whatever it is told (REMB), it is not less.
    for name in ("DEFAULT_BITRATE", "MIN_BITRATE", "MAX_BITRATE"):
        monkeypatch.setattr(vpx, name, TOO_MUCH)
    url = daemon.url.replace("http", "ws") + "/v1/signal"
    async with Client(url) as presenter, Client(url) as attendee:
        await presenter.join(room, role="presenter", name="Loud")
        await attendee.join(room, role="attendee", name="Guest")
        told = presenter.events()
        await presenter.publish(camera=Noise(), microphone=Tone())
        seat = str(presenter.seat)
        picture, sound = attendee.track(seat), attendee.track(seat, "audio")
        await asyncio.wait_for(picture.recv(), 10.0)
        events = []
        async with asyncio.timeout(20):
            async for event in told:
                if event["type"] == "upload":
                    events.append(event)
                    if event["held"]:
                        break
        assert [event["held"] for event in events] == [{}, {"camera": 0}]
        assert all(event["over"] and event["budget"] == BUDGET for event in events)
        assert events[-1]["sending"] >= BUDGET
        assert await arrived(picture, 500) < 500, "it stops"
        assert await arrived(sound, 50) == 50
        assert metric(daemon, "sfu_uploads_held") == 1
        assert metric(daemon, 'sfu_drops_total{reason="over_budget"}') > 0


async def test_a_pause_of_the_publisher_is_counted_once_it_is_over(
    daemon: Daemon, room: str
) -> None:
    url = daemon.url.replace("http", "ws") + "/v1/signal"
    async with Client(url) as presenter, Client(url) as attendee:
        await presenter.join(room, role="presenter", name="Halting")
        await attendee.join(room, role="attendee", name="Guest")
        camera = Halting()
        await presenter.publish(camera=camera)
        picture = attendee.track(str(presenter.seat))
        assert await arrived(picture, 20) == 20
        name = 'freezes_total{cause="publisher"}'
        before = metric(daemon, f"sfu_{name}")
        camera.go.clear()
        await arrived(picture, 500)
        assert metric(daemon, f"sfu_{name}") == before, "it may be over for good"
        camera.go.set()
        await until(lambda: metric(daemon, f"sfu_{name}") == before + 1)
        assert metric(daemon, 'sfu_frozen_seconds_total{cause="publisher"}') >= 1.0
        path = path_of(daemon, room, "Guest")
        assert (path["freezes"], path["frozen"]) == (0, 0.0), "no fault of the path"
        assert attendee.participant is not None
        # It is told with the reports that a receiver sends, each 0.5 to 1.5 s.
        assert await arrived(picture, 60) == 60
        await attendee.leave()
    freezes = (await record_of(daemon, attendee.participant["id"]))["freezes"]
    assert freezes["publisher"]["count"] == 1
    assert freezes["publisher"]["seconds"] >= 1.0
    assert freezes["link"] == freezes["keyframe"] == {"count": 0, "seconds": 0.0}
