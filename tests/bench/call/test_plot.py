"""A timeline is drawn, whatever is missing in it."""

from pathlib import Path

import pytest
from rich.console import Console

from sfu.bench.call.plot import draw
from sfu.bench.call.report import show
from sfu.bench.call.timeline import Timeline
from sfu.bench.trace import Direction, Trace
from tests.bench.call.test_timeline import SLOT, line, row


@pytest.fixture
def timeline() -> Timeline:
    trace = Trace("test", 4.0, Direction.of(capacity=((0.0, 2e6), (2.0, 1e6))))
    timeline = Timeline(trace, SLOT, [SLOT], "screen")
    timeline.link = [line(number / 10, 10**6, 20.0, number == 20) for number in range(40)]
    timeline.viewer = [row(number / 2, size=50_000 * number) for number in range(9)]
    timeline.viewer[5]["slots"][SLOT]["gap"] = 800.0
    timeline.server = [{"at": 0.0}, {"at": 1.0, "estimate": 1e6}]
    for each in timeline.link:
        each["late_ms"] = 0.3
    return timeline


def test_it_is_drawn(timeline: Timeline, tmp_path: Path) -> None:
    path = tmp_path / "call.png"
    draw(timeline, path, "test")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size > 20_000


def test_it_is_told(timeline: Timeline) -> None:
    console = Console(record=True, width=120)
    show(console, timeline)
    text = console.export_text()
    assert f"{SLOT} (speaker)" in text
    assert "800 ms" in text
    assert "1.00 Mbit/s carried" in text
    assert "1 packets dropped" in text
