"""What a layer is planned to cost: as expected of its height until seen, then as measured."""

import math
from typing import Final


def expected(height: int) -> int:
    """bit/s that a camera's layer of this height usually takes: 160, 440, 1250, 2300 kbit/s for
    180, 360, 720 and 1080 lines."""
    return round(min(_OF_720 * math.pow(height / 720, 1.5), _MOST))


_OF_720: Final = 1_250_000
_MOST: Final = 4_000_000


def assumed_heights(count: int) -> tuple[int, ...]:
    """Of a track's layers before anything is known: a 720p camera, halved layer by layer."""
    return tuple(max(720 >> (count - 1 - layer), 180) for layer in range(count))


class PlannedRate:
    """A layer's bit rate as planning uses it: up at once, down only when it lasts.

    Without that, a layer whose rate wavers around what is left of a budget
    would come and go every second, each time with a keyframe.
    """

    __slots__ = ("_below", "_smooth", "bps")

    def __init__(self, assumed: int) -> None:
        self.bps = assumed
        self._smooth: float | None = None
        self._below = 0

    def observe(self, bps: int) -> bool:
        """Takes the last second's rate; says whether `bps` has changed.

        Zero is a layer that is not sent now: it may come back, so its rate is kept.
        """
        if bps == 0:
            return False
        first = self._smooth is None
        if self._smooth is None and bps <= 1.3 * self.bps:
            self._smooth = bps
        else:
            # The first seconds hold the first keyframe: far more than assumed is believed slowly.
            before = self.bps if self._smooth is None else self._smooth
            self._smooth = 0.7 * before + 0.3 * bps
        self._below = self._below + 1 if self._smooth < 0.8 * self.bps else 0
        if self._smooth > 1.05 * self.bps or self._below >= 5 or (first and self._below):
            self.bps = round(self._smooth)
            self._below = 0
            return True
        return False
