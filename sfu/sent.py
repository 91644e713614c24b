"""A published track as it arrives: what planning and the clients' quality events read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sfu.bandwidth.planned_rate import CAMERA, SCREEN, Busy, PlannedRate, assumed_heights, expected
from sfu.bandwidth.staircase import Layer
from sfu.track import Media, Track

TEMPORAL: Final = 3
"""Temporal layers of browsers' simulcast, where the codec has them (libwebrtc)."""
_HAVE_TEMPORAL: Final = frozenset({"vp8", "vp9", "av1"})


@dataclass(frozen=True, slots=True)
class Frame:
    """A layer's picture now; all zero while nothing comes."""

    width: int
    height: int
    fps: int


class Sent:
    """One track's layers, lowest first; `observe` takes the worker's reports."""

    __slots__ = (
        "_busy", "_heights", "_rates", "_told", "bps", "forwarded", "frames", "id", "temporal",
        "track", "wanted",
    )  # fmt: skip

    def __init__(self, track: Track, id: int = 0) -> None:
        self.track = track
        self.id = id
        """The worker's name for it."""
        self.temporal = _temporal(track.media)
        """Temporal layers within each spatial one."""
        self._heights = list(assumed_heights(len(track.media.streams)))
        self.frames: list[Frame | None] = [None] * len(self._heights)
        self._told = list(self.frames)
        """As they were when they were last worth a word."""
        self.bps = [0] * len(self._heights)
        """As measured over the last second."""
        self.forwarded = len(self._heights)
        """Layers that the worker forwards, the lowest."""
        self.wanted = (True,) * len(self._heights)
        """Which layers the publisher was told are wanted."""
        # A person may move any moment; a screen that has been quiet for long is a quiet one.
        self._busy = [
            Busy(expected(height)) if track.source.is_screen else None for height in self._heights
        ]
        window = SCREEN if track.source.is_screen else CAMERA
        self._rates = [PlannedRate(expected(height), window) for height in self._heights]

    @property
    def forwarded_bps(self) -> int:
        """As measured over the last second, of the layers that are forwarded."""
        return sum(self.bps[: self.forwarded])

    @property
    def layers(self) -> tuple[Layer, ...]:
        """As planning sees them: assumed until seen."""
        return tuple(
            Layer(
                rate.bps, height, self.temporal,
                expected(height) if busy is None else min(busy.bps, expected(height)),
            )
            for rate, busy, height in zip(self._rates, self._busy, self._heights, strict=True)
        )  # fmt: skip

    def observe(self, layers: Sequence[tuple[int, float, int, int]]) -> tuple[bool, bool]:
        """Takes (bit/s, frames/s, width, height) of each layer over the last second.

        Says whether plans change, and whether a picture has changed enough to
        be worth a word.
        """
        replan = news = False
        for index, (bps, fps, width, height) in enumerate(layers[: len(self.frames)]):
            self.bps[index] = bps
            if index >= self.forwarded:
                # As far as receivers are concerned it is not sent.
                bps, fps, width, height = 0, 0.0, 0, 0
            replan |= self._rates[index].observe(bps)
            busy = self._busy[index]
            replan |= busy is not None and busy.observe(bps)
            if height and height != self._heights[index]:
                self._heights[index] = height
                replan = True
            frame = Frame(width, height, round(fps) if bps else 0)
            if _differs(self._told[index], frame):
                self._told[index] = frame
                news = True
            self.frames[index] = frame
        return replan, news


def _temporal(media: Media) -> int:
    return TEMPORAL if len(media.streams) > 1 and media.codec in _HAVE_TEMPORAL else 1


def _differs(old: Frame | None, new: Frame) -> bool:
    if old is None or (old.width, old.height) != (new.width, new.height):
        return True
    if not old.fps or not new.fps:
        return old.fps != new.fps
    # Clients are told of larger differences only.
    return abs(old.fps - new.fps) > max(1, old.fps // 10)
