"""Where time comes from, given by whoever starts the program."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

NOTICED: Final = 1.0
"""Seconds: less than that is the clock being put right little by little (adjtime(3))."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Two of them: one that is never set, and one that people use."""

    monotonic: Callable[[], float]
    wall: Callable[[], float]
    """Seconds since the epoch."""


class Steps:
    """Finds out when the wall clock is set; to be asked often."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._apart = self._difference()

    def take(self) -> float:
        """By how many seconds it was set since the last time, 0 if it was not."""
        before, self._apart = self._apart, self._difference()
        step = self._apart - before
        return step if abs(step) >= NOTICED else 0.0

    def _difference(self) -> float:
        return self._clock.wall() - self._clock.monotonic()
