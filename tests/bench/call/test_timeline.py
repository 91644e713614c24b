"""What is read from a timeline: rates, gaps, sound, and when everything is back."""

import json
from pathlib import Path
from typing import Any

import pytest

from sfu.bench.call.timeline import Timeline
from sfu.bench.trace import Direction, Trace

SLOT = "seat-0"


def row(at: float, height: int = 360, gap: float | None = 40.0, size: int = 0) -> dict[str, Any]:
    """A report of one slot, with so many bytes received."""
    counters = ("headerBytesReceived", "framesDecoded", "totalFreezesDuration", "packetsLost")
    video = {**dict.fromkeys(counters, 0), "bytesReceived": size, "frameHeight": height}
    audio = {
        "concealedSamples": 300 * at,
        "silentConcealedSamples": 100 * at,
        "totalSamplesReceived": 48_000 * at,
    }
    return {"at": at, "slots": {SLOT: {"gap": gap, "video": video, "audio": audio}}}


def line(at: float, bps: int, queue: float, dropped: int = 0, way: str = "down") -> dict[str, Any]:
    return {"way": way, "at": at, "sent_bps": bps, "queue_most_ms": queue, "dropped": dropped}


@pytest.fixture
def timeline() -> Timeline:
    return Timeline(Trace("test", 10.0, Direction()), SLOT, [SLOT], None)


def test_the_link_is_read_downwards_and_by_time(timeline: Timeline) -> None:
    timeline.link = [
        line(0.0, 1000, 5.0, 1),
        line(0.0, 9999, 99.0, 9, way="up"),
        line(0.1, 3000, 7.0, 2),
        line(0.2, 8000, 50.0, 4),
    ]
    assert timeline.received_bps(0.0, 0.2) == 2000
    assert timeline.queue_ms(0.0, 0.2) == [5.0, 7.0]
    assert timeline.dropped(0.1, 1.0) == 6
    assert timeline.received_bps(5.0, 6.0) == 0


def test_rates_are_from_report_to_report(timeline: Timeline) -> None:
    timeline.viewer = [row(0.0), row(0.5, size=1000), row(1.0, size=1500)]
    assert timeline.video_bps(SLOT) == [(0.5, 16_000), (1.0, 8_000)]
    assert timeline.video_bps("seat-9") == []


def test_silence_is_not_counted_as_made_up_sound(timeline: Timeline) -> None:
    timeline.viewer = [row(1.0), row(2.0), row(3.0)]
    assert timeline.concealed(SLOT, 1.0, 3.0) == pytest.approx(200 / 48_000)


def test_a_picture_that_stands_is_none(timeline: Timeline) -> None:
    timeline.viewer = [row(0.0, gap=None), row(0.5), row(1.0, gap=1200.0), row(1.5, height=180)]
    assert timeline.heights(SLOT) == [(0.0, 0), (0.5, 360), (1.0, 0), (1.5, 180)]
    assert timeline.longest_gap(SLOT, 0.0, 2.0) == 1.2
    assert timeline.longest_gap(SLOT, 0.0, 0.6) == 0.04


def test_everything_is_back_when_it_stays(timeline: Timeline) -> None:
    heights = [180, 360, 180, 360, 360, 360, 360]
    timeline.viewer = [row(0.5 * number, height) for number, height in enumerate(heights)]
    assert timeline.complete_at(0.0, {SLOT: 360}, hold=1.0) == 1.5
    assert timeline.complete_at(2.0, {SLOT: 360}, hold=1.0) == 2.0
    assert timeline.complete_at(0.0, {SLOT: 360}, hold=2.0) is None
    assert timeline.complete_at(0.0, {SLOT: 720}, hold=0.5) is None


def test_it_is_saved_whole(timeline: Timeline, tmp_path: Path) -> None:
    timeline.viewer = [row(0.0)]
    timeline.server = [{"at": 0.0, "estimate": 1e6}]
    timeline.save(tmp_path / "call.json")
    saved = json.loads((tmp_path / "call.json").read_text())
    assert saved["viewer"] == timeline.viewer
    assert saved["server"] == timeline.server
    assert saved["trace"]["name"] == "test"
