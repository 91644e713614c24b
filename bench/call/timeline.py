"""One call as it was, by seconds from the start of the trace: link, server and viewer."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from sfu.bench.trace import Trace

Row = dict[str, Any]

KINDS: Final = ("audio", "video")
LOWER_HEADERS: Final = 20 + 8 + 16
"""Bytes per packet that the browser does not count: IPv4, UDP and the tag of AES-GCM."""
GONE_MS: Final = 1000.0
"""Milliseconds without a new picture after which none is shown."""


@dataclass(slots=True)
class Timeline:
    """Rows are ordered by "at", seconds since second 0 of the trace; earlier ones are negative.

    link -- lines of `emulator.process`, one per 100 ms and direction ("way")
    viewer -- reports of page.js, each 500 ms; counters since the beginning
    server -- {"at", "estimate", "given" ...}: what it thinks of the viewer's path, see /v1/rooms
    speaker -- the slot of who speaks; `cameras` are the slots of all, `screen` that of the screen
    """

    trace: Trace
    speaker: str
    cameras: list[str]
    screen: str | None
    link: list[Row] = field(default_factory=list)
    viewer: list[Row] = field(default_factory=list)
    server: list[Row] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {
            "trace": self.trace.to_json(),
            "speaker": self.speaker,
            "cameras": self.cameras,
            "screen": self.screen,
            "link": self.link,
            "viewer": self.viewer,
            "server": self.server,
        }

    def save(self, path: Path) -> None:
        """Writes it as JSON."""
        path.write_text(json.dumps(self.to_json()) + "\n", encoding="utf-8")

    @property
    def slots(self) -> list[str]:
        """All slots with a picture."""
        return self.cameras + ([self.screen] if self.screen else [])

    def between(self, begin: float, end: float) -> list[Row]:
        """The viewer's reports of that time."""
        return [row for row in self.viewer if begin <= row["at"] <= end]

    def received_bps(self, begin: float, end: float) -> float:
        """What came through the link on average, with headers."""
        rows = [row for row in self._down() if begin <= row["at"] < end]
        return sum(float(row["sent_bps"]) for row in rows) / max(1, len(rows))

    def media_bps(self, begin: float, end: float) -> float:
        """Sound and pictures that arrived on average, each packet once, with all headers."""
        rows = self.between(begin, end)
        if len(rows) < 2:
            return 0.0
        size = _media_bytes(rows[-1]) - _media_bytes(rows[0])
        return 8 * size / float(rows[-1]["at"] - rows[0]["at"])

    def queue_ms(self, begin: float, end: float) -> list[float]:
        """The longest wait in the link's queue of each 100 ms."""
        return [row["queue_most_ms"] for row in self._down() if begin <= row["at"] < end]

    def dropped(self, begin: float, end: float) -> int:
        """Packets that did not fit the link's queue."""
        return sum(row["dropped"] for row in self._down() if begin <= row["at"] < end)

    def grown(self, slot: str, kind: str, name: str, begin: float, end: float) -> float:
        """By how much a counter of the viewer has grown."""
        values = [
            row["slots"][slot][kind][name]
            for row in self.between(begin, end)
            if _has(row, slot, kind)
        ]
        return float(values[-1] - values[0]) if values else 0.0

    def concealed(self, slot: str, begin: float, end: float) -> float:
        """Share of the slot's sound that was made up, silence not counted."""
        names = ("concealedSamples", "silentConcealedSamples", "totalSamplesReceived")
        made_up, silent, total = (self.grown(slot, "audio", each, begin, end) for each in names)
        return (made_up - silent) / max(1.0, total)

    def longest_gap(self, slot: str, begin: float, end: float) -> float:
        """Seconds that the slot's picture stood still at most."""
        gaps = [row["slots"].get(slot, {}).get("gap") for row in self.between(begin, end)]
        return max((gap for gap in gaps if gap is not None), default=0.0) / 1000

    def heights(self, slot: str) -> list[tuple[float, int]]:
        """(at, pixels) of each report; 0 while no picture comes."""
        found = []
        for row in self.viewer:
            gap = row["slots"].get(slot, {}).get("gap")
            shown = _has(row, slot, "video") and gap is not None and gap < GONE_MS
            found.append((row["at"], row["slots"][slot]["video"]["frameHeight"] if shown else 0))
        return found

    def video_bps(self, slot: str) -> list[tuple[float, float]]:
        """(at, bit/s) of the slot's picture, from report to report."""
        found = []
        for before, row in pairwise(self.viewer):
            if _has(before, slot, "video") and _has(row, slot, "video"):
                size = _bytes(row["slots"][slot]["video"]) - _bytes(before["slots"][slot]["video"])
                found.append((row["at"], 8 * size / (row["at"] - before["at"])))
        return found

    def complete_at(self, since: float, full: dict[str, int], hold: float) -> float | None:
        """From when on, not before `since`, all slots are full for at least `hold` seconds."""
        heights = {slot: dict(self.heights(slot)) for slot in full}
        begin: float | None = None
        for row in self.between(since, float("inf")):
            if all(heights[slot].get(row["at"], 0) >= least for slot, least in full.items()):
                begin = row["at"] if begin is None else begin
                if row["at"] - begin >= hold:
                    return begin
            else:
                begin = None
        return None

    def _down(self) -> Iterator[Row]:
        return (row for row in self.link if row["way"] == "down")


def _has(row: Row, slot: str, kind: str) -> bool:
    return kind in row["slots"].get(slot, {})


def _bytes(stream: Row) -> int:
    return int(stream["bytesReceived"] + stream["headerBytesReceived"])


def _media_bytes(row: Row) -> int:
    streams = [seen[kind] for seen in row["slots"].values() for kind in seen if kind in KINDS]
    return sum(_bytes(each) + LOWER_HEADERS * int(each["packetsReceived"]) for each in streams)
