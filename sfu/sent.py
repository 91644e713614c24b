"""A published track as it arrives: what planning and the clients' quality events read."""

from collections.abc import Sequence
from dataclasses import dataclass

from sfu.bandwidth.layers import Layer, PlannedRate, assumed_layers
from sfu.track import Track


@dataclass(frozen=True, slots=True)
class Frame:
    """A layer's picture now; all zero while nothing comes."""

    width: int
    height: int
    fps: int


class Sent:
    """One track's layers, lowest first; `observe` takes the worker's reports."""

    __slots__ = ("_heights", "_rates", "frames", "track")

    def __init__(self, track: Track) -> None:
        assumed = assumed_layers(len(track.media.streams))
        self.track = track
        self.frames: list[Frame | None] = [None] * len(assumed)
        self._rates = [PlannedRate(layer.bps) for layer in assumed]
        self._heights = [layer.height for layer in assumed]

    @property
    def layers(self) -> tuple[Layer, ...]:
        """As planning sees them: assumed until seen."""
        return tuple(
            Layer(rate.bps, height) for rate, height in zip(self._rates, self._heights, strict=True)
        )

    def observe(self, layers: Sequence[tuple[int, float, int, int]]) -> tuple[bool, bool]:
        """Takes (bit/s, frames/s, width, height) of each layer over the last second.

        Says whether plans change, and whether a picture has changed enough to
        be worth a word.
        """
        replan = news = False
        for index, (bps, fps, width, height) in enumerate(layers[: len(self.frames)]):
            replan |= self._rates[index].observe(bps)
            if height and height != self._heights[index]:
                self._heights[index] = height
                replan = True
            frame = Frame(width, height, round(fps) if bps else 0)
            news |= _differs(self.frames[index], frame)
            self.frames[index] = frame
        return replan, news


def _differs(old: Frame | None, new: Frame) -> bool:
    if old is None or (old.width, old.height) != (new.width, new.height):
        return True
    return abs(old.fps - new.fps) > 1
