"""What a link carries over time, piecewise constant: departures follow in closed form."""

import bisect
import itertools
import math
from typing import Final

from sfu.bench.trace import Steps

UNLIMITED: Final = 1e12
"""Bit/s that stand for a link without a limit."""


class Course:
    """A value that changes in steps. Time is absolute, in seconds."""

    def __init__(self, steps: Steps, begin: float = 0.0) -> None:
        """`begin` is the moment of the steps' second 0; before it, the first value holds."""
        self._times = [begin + at for at, _ in steps]
        self._values = [value for _, value in steps]

    def at(self, now: float) -> float:
        """The value that holds."""
        return self._values[max(0, bisect.bisect_right(self._times, now) - 1)]


class Capacity:
    """Bits that a link has carried by a moment if it never rests, and the inverse of that."""

    def __init__(self, steps: Steps, begin: float = 0.0) -> None:
        """`begin` as of a `Course`; values are bit/s."""
        self._times = [begin + at for at, _ in steps]
        self._rates = [min(rate, UNLIMITED) for _, rate in steps]
        self._totals = [0.0]
        for (before, after), rate in zip(
            itertools.pairwise(self._times), self._rates, strict=False
        ):
            self._totals.append(self._totals[-1] + rate * (after - before))

    def at(self, now: float) -> float:
        """Bit/s at a moment."""
        return self._rates[self._step(now)]

    def bits(self, now: float) -> float:
        """Bits carried from the first step to a moment; negative before it."""
        step = self._step(now)
        return self._totals[step] + self._rates[step] * (now - self._times[step])

    def finish(self, start: float, bits: float) -> float:
        """When `bits` that begin to be sent at `start` are through; infinite if never."""
        total = self.bits(start) + bits
        step = max(0, bisect.bisect_left(self._totals, total) - 1)
        rate = self._rates[step]
        if rate == 0:
            return math.inf
        return self._times[step] + (total - self._totals[step]) / rate

    def _step(self, now: float) -> int:
        return max(0, bisect.bisect_right(self._times, now) - 1)
