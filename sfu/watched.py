"""Which layers of the pictures on a stage anybody watches: what publishers need not send."""

import math
from collections import Counter
from typing import Final

UNWATCHED_AFTER: Final = 30.0
"""Seconds without anybody after which a layer is not wanted any more: who steps down may be back
soon, and starting an encoder takes a second."""


WATCHED_AFTER: Final = 0.3
"""Seconds after which a layer is wanted: who climbs is only passing the ones between."""


class Watched:
    """Counts the watchers of each slot's spatial layers; `now` is monotonic, in seconds."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, int]] = Counter()
        self._until: dict[tuple[str, int], float] = {}
        """When somebody watched last, of layers that nobody watches."""
        self._since: dict[tuple[str, int], float] = {}
        """Since when somebody watches, of layers that somebody does."""
        self._begun: dict[str, float] = {}
        self.due = math.inf
        """When `wanted` is worth asking again, though nobody has moved."""

    def begin(self, slot: str, now: float) -> None:
        """Another picture is on the slot, or one that was muted: nobody can watch it yet."""
        self._begun[slot] = now

    def move(self, slot: str, before: int, after: int, now: float) -> None:
        """Somebody watches another layer of a slot; -1 is none."""
        if before == after:
            return
        self._counts[slot, before] -= 1
        self._counts[slot, after] += 1
        if not self._counts[slot, before] and now - self._since[slot, before] >= WATCHED_AFTER:
            self._until[slot, before] = now
        if self._counts[slot, after] == 1:
            self._since[slot, after] = now
            self.due = min(self.due, now + WATCHED_AFTER)

    def by_layer(self) -> Counter[int]:
        """How many watch each spatial layer, over all slots."""
        counts: Counter[int] = Counter()
        for (_, layer), count in self._counts.items():
            if layer >= 0:
                counts[layer] += count
        return counts

    def wanted(self, slot: str, former: tuple[bool, ...], now: float) -> tuple[bool, ...]:
        """Of each layer, lowest first, whether it is watched, or was `former`-ly wanted not long
        ago. The lowest is always wanted: it is what everybody begins with."""
        self.due = math.inf if now >= self.due else self.due
        begun = self._begun.get(slot, -math.inf)
        return tuple(
            layer == 0
            or (self._counts[slot, layer] > 0 and now - self._since[slot, layer] >= WATCHED_AFTER)
            or (
                before and now - max(begun, self._until.get((slot, layer), begun)) < UNWATCHED_AFTER
            )
            for layer, before in enumerate(former)
        )
