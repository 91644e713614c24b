"""What a layer is planned to cost: as expected of its height until seen, then as measured."""

import math
from collections import deque
from statistics import median_low
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


CAMERA: Final = 3
SCREEN: Final = 9
"""Seconds of which the middle one counts: a camera's keyframe is over within one, the one of a
screen, and the pictures that refine it, within four."""
GAIN: Final = {CAMERA: 0.3, SCREEN: 0.7}
"""By which that is followed each second."""
DOWN_AFTER: Final = {CAMERA: 5, SCREEN: 2}
"""Seconds for which that has to be a fifth below the plan for the plan to follow."""

FADING: Final = 0.95
"""Per second, of the most that was seen."""
FADED: Final = 0.75
RISEN: Final = 1.05
"""Times the former most; less of a change is not worth another plan."""


class PlannedRate:
    """A layer's bit rate as planning uses it: soon up, down only when it lasts.

    Without that, a layer whose rate wavers around what is left of a budget
    would come and go every second, each time with a keyframe. Of the last `window` seconds the
    middle one counts: what a keyframe takes is the pacer's to spread, and no reason to plan for.
    """

    __slots__ = ("_below", "_last", "_smooth", "_window", "bps")

    def __init__(self, assumed: int, window: int = CAMERA) -> None:
        self.bps = assumed
        self._window = window
        self._last: deque[int] = deque(maxlen=window)
        self._smooth: float | None = None
        self._below = 0

    def observe(self, bps: int) -> bool:
        """Takes the last second's rate; says whether `bps` has changed.

        Zero is a layer that is not sent now: it may come back, so its rate is kept.
        """
        if bps == 0:
            return False
        self._last.append(bps)
        bps = median_low(self._last)
        first = self._smooth is None
        if self._smooth is None and bps <= 1.3 * self.bps:
            self._smooth = bps
        else:
            # The first seconds hold the first keyframe: far more than assumed is believed slowly.
            before = self.bps if self._smooth is None else self._smooth
            gain = GAIN[self._window]
            self._smooth = (1 - gain) * before + gain * bps
        self._below = self._below + 1 if self._smooth < 0.8 * self.bps else 0
        lasts = self._below >= DOWN_AFTER[self._window]
        if self._smooth > 1.05 * self.bps or lasts or (first and self._below):
            self.bps = round(self._smooth)
            self._below = 0
            return True
        return False


class Busy:
    """What a layer took when it was not quiet, in the last half a minute or so."""

    __slots__ = ("_last", "_most", "bps")

    def __init__(self, assumed: int) -> None:
        self.bps = assumed
        self._most = float(assumed)
        self._last: deque[int] = deque(maxlen=CAMERA)

    def observe(self, bps: int) -> bool:
        """Takes the last second's rate; says whether `bps` has changed by enough to plan anew."""
        self._last.append(bps)
        self._most = max(FADING * self._most, median_low(self._last))
        if FADED * self.bps <= self._most <= RISEN * self.bps:
            return False
        self.bps = round(self._most)
        return True
