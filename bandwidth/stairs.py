"""The staircases that receivers climb, as tables: one row per staircase, one column per level."""

import math
from typing import Final

import numpy as np

from sfu.bandwidth.rows import Floats, Ints
from sfu.bandwidth.staircase import Level, Staircase

UP_MARGIN: Final = 1.10
"""A level is taken when the path carries this much more than it costs, for a while."""
PROBED_MARGIN: Final = 1.03
"""The same where a probe has shown what the path carries: such levels are taken at once."""


def fits(costs: Floats, bps: Floats) -> Ints:
    """The highest level of each row that costs no more; 0 when even that costs more."""
    levels: Ints = np.count_nonzero(costs <= bps[:, None], axis=1) - 1
    return np.maximum(levels, 0)


class Stairs:
    """The staircases in use as rows of tables, padded with infinity."""

    def __init__(self) -> None:
        self.kept: list[Staircase] = []
        self.cumulative = np.empty((0, 1))
        self.needed = np.empty((0, 1))
        """bit/s that a path has to carry for each level to be taken."""
        self.probed = np.empty((0, 1))
        """The same when a probe has shown that it does."""
        self.reach = np.empty((0, 1), dtype=np.int64)
        self.top = np.empty(0, dtype=np.int64)
        self.bases = np.empty(0, dtype=np.int64)
        self.ceiling = np.empty(0)
        self._users: list[int] = []
        self._numbers: dict[int, int] = {}
        self._free: list[int] = []

    def add(self, staircase: Staircase, users: int) -> int:
        """The number that a staircase has while it is in use."""
        number = self._numbers.get(id(staircase))
        if number is None:
            number = self._free.pop() if self._free else self._append()
            self._write(number, staircase)
        self._users[number] += users
        return number

    def release(self, number: int, users: int) -> None:
        self._users[number] -= users
        if not self._users[number]:
            del self._numbers[id(self.kept[number])]
            self._free.append(number)

    def _append(self) -> int:
        self.kept.append(_EMPTY)
        self._users.append(0)
        rows = len(self.kept)
        if rows > len(self.top):
            self._resize(max(8, 2 * len(self.top)), self.cumulative.shape[1])
        return rows - 1

    def _write(self, number: int, staircase: Staircase) -> None:
        costs, levels = staircase.cumulative, len(staircase.cumulative)
        if levels + 1 > self.cumulative.shape[1]:
            self._resize(len(self.top), 2 * (levels + 1))
        self.kept[number] = staircase
        self._numbers[id(staircase)] = number
        # Targets never exceed the ceiling, so none has to for what is granted.
        for table, margin in (
            (self.cumulative, 1.0),
            (self.needed, UP_MARGIN),
            (self.probed, PROBED_MARGIN),
        ):
            table[number] = math.inf
            table[number, :levels] = np.minimum(margin * costs, staircase.ceiling)
        self.reach[number, :levels] = staircase.reach
        self.top[number] = staircase.top
        self.bases[number] = staircase.bases
        self.ceiling[number] = staircase.ceiling

    def _resize(self, rows: int, width: int) -> None:
        for name in ("cumulative", "needed", "probed", "reach", "top", "bases", "ceiling"):
            old = getattr(self, name)
            new = np.zeros((rows, width) if old.ndim > 1 else rows, dtype=old.dtype)
            if old.dtype == np.float64:
                new[...] = math.inf
            new[tuple(slice(length) for length in old.shape)] = old
            setattr(self, name, new)


_EMPTY: Final = Staircase((), (Level(0),), np.zeros(1), 0.0, {})
