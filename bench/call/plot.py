"""A timeline as a picture: what the link did above, what the viewer saw below."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sfu.bench.call.browser import BrowserError
from sfu.bench.call.timeline import Timeline
from sfu.bench.trace import value_at

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LONG_GAP: Final = 0.5
"""Seconds without a new picture that are marked as a freeze."""


def draw(timeline: Timeline, path: Path, title: str) -> None:
    """Writes the picture. Raises BrowserError when matplotlib is missing."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise BrowserError("matplotlib is missing: pip install 'open-sfu[bench]'") from None
    figure = Figure(figsize=(11, 12), layout="constrained")
    rate, queue, pictures, heights, sound = figure.subplots(
        5, 1, sharex=True, height_ratios=(3, 2, 3, 2, 1.5)
    )
    rate.set_title(title)
    _rate(rate, timeline)
    _queue(queue, timeline)
    _pictures(pictures, timeline)
    _heights(heights, timeline)
    _sound(sound, timeline)
    sound.set_xlabel("seconds")
    figure.savefig(path, dpi=80)


def _rate(axes: "Axes", timeline: Timeline) -> None:
    rows = [row for row in timeline.link if row["way"] == "down"]
    at = [row["at"] for row in rows]
    capacity = [value_at(timeline.trace.down.capacity, max(0.0, each)) / 1e6 for each in at]
    axes.step(at, capacity, "k", where="post", label="capacity")
    axes.plot(at, [row["sent_bps"] / 1e6 for row in rows], lw=0.7, label="sent (100 ms)")
    for name in ("estimate", "given"):
        points = ((row["at"], row[name] / 1e6) for row in timeline.server if name in row)
        _line(axes, points, f"{name} by the server")
    most = max([each for each in capacity if each < 1e3], default=1.0)
    axes.set_ylim(0, 1.6 * most)
    axes.set_xlim(timeline.viewer[0]["at"], timeline.viewer[-1]["at"])
    _finish(axes, "Mbit/s")


def _queue(axes: "Axes", timeline: Timeline) -> None:
    rows = [row for row in timeline.link if row["way"] == "down"]
    at = [row["at"] for row in rows]
    axes.plot(at, [row["queue_most_ms"] for row in rows], lw=0.8, label="queue, longest wait")
    drops = [(row["at"], row["dropped"]) for row in rows if row["dropped"]]
    if drops:
        _dots(axes, drops, "packets dropped", "r.")
    _finish(axes, "ms, packets")


def _pictures(axes: "Axes", timeline: Timeline) -> None:
    for slot in timeline.slots:
        _line(axes, ((at, bps / 1e6) for at, bps in timeline.video_bps(slot)), slot)
    _finish(axes, "Mbit/s per slot")


def _heights(axes: "Axes", timeline: Timeline) -> None:
    for number, slot in enumerate(timeline.slots):
        # A little apart, so that equal ones are seen.
        _line(axes, ((at, height + 8 * number) for at, height in timeline.heights(slot)), slot)
        gaps = [(row["at"], row["slots"].get(slot, {}).get("gap") or 0) for row in timeline.viewer]
        frozen = [(at, 30 * number) for at, gap in gaps if gap > 1000 * _LONG_GAP and at >= 0]
        if frozen:
            _dots(axes, frozen, f"{slot} still > {1000 * _LONG_GAP:.0f} ms", f"C{number}x")
    _finish(axes, "pixels high")


def _sound(axes: "Axes", timeline: Timeline) -> None:
    every = 2.0
    begin, end = timeline.viewer[0]["at"], timeline.viewer[-1]["at"]
    spells = [begin + every * number for number in range(int((end - begin) / every))]
    points = ((at, 100 * timeline.concealed(timeline.speaker, at, at + every)) for at in spells)
    _line(axes, points, timeline.speaker)
    _finish(axes, "% concealed")


def _line(axes: "Axes", points: Iterable[tuple[float, Any]], label: str) -> None:
    found = list(points)
    if found:
        axes.plot(*zip(*found, strict=True), lw=1, label=label)


def _dots(axes: "Axes", points: Iterable[tuple[float, Any]], label: str, style: str) -> None:
    at, values = zip(*points, strict=True)
    axes.plot(at, values, style, ms=4, label=label)


def _finish(axes: "Axes", label: str) -> None:
    axes.set_ylabel(label)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper right", fontsize=7, ncols=2)
