"""Who has something due by time alone: they are looked at in each tick, all others never."""

import heapq
import itertools
from typing import Generic, TypeVar

T = TypeVar("T")


class Awake(Generic[T]):
    """Those who are awake, in the order of their waking, and alarms for those who sleep."""

    def __init__(self) -> None:
        self._awake: dict[T, None] = {}
        self._alarms: list[tuple[float, int, T]] = []
        self._numbers = itertools.count()

    def wake(self, one: T) -> None:
        """From now on, until they `sleep`."""
        self._awake[one] = None

    def wake_at(self, when: float, one: T) -> None:
        """At a time that may be after they fell asleep."""
        heapq.heappush(self._alarms, (when, next(self._numbers), one))

    def sleep(self, one: T) -> None:
        """Nothing is due any more."""
        self._awake.pop(one, None)

    def due(self, now: float) -> list[T]:
        """All who are awake now."""
        while self._alarms and self._alarms[0][0] <= now:
            self.wake(heapq.heappop(self._alarms)[2])
        return list(self._awake)
