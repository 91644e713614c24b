"""Where time comes from, given by whoever starts the program."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """Two of them: one that is never set, and one that people use."""

    monotonic: Callable[[], float]
    wall: Callable[[], float]
    """Seconds since the epoch."""
