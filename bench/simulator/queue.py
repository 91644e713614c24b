"""Packets that wait to be sent: a ring per row."""

from typing import Final

import numpy as np

from sfu.bench.simulator.packets import Bools, Floats, Ints, first_of_runs


class Queue:
    """First in, first out, for all rows at once; what overflows pushes the oldest out.

    `capacity` is a power of two.
    """

    def __init__(self, rows: int, capacity: int) -> None:
        self._capacity, self._mask = capacity, capacity - 1
        self._size = np.zeros((rows, capacity), dtype=np.int64)
        self._slot = np.zeros((rows, capacity), dtype=np.int64)
        self._frame = np.zeros((rows, capacity), dtype=np.int64)
        self._at = np.zeros((rows, capacity))
        self._head = np.zeros(rows, dtype=np.int64)
        self._tail = np.zeros(rows, dtype=np.int64)
        self._rows = np.arange(rows)
        self.bytes = np.zeros(rows, dtype=np.int64)
        """That wait."""
        self.overflowed = 0

    def __len__(self) -> int:
        """Packets in the longest queue."""
        return int((self._tail - self._head).max(initial=0))

    def push(self, row: Ints, size: Ints, slot: Ints, frame: Ints, time: float) -> None:
        """Packets in order of row."""
        if not len(row):
            return
        _, place = first_of_runs(row)
        at = (self._tail[row] + place) & self._mask
        self._size[row, at] = size
        self._slot[row, at] = slot
        self._frame[row, at] = frame
        self._at[row, at] = time
        self._tail += np.bincount(row, minlength=len(self._tail))
        self.bytes += np.bincount(row, size, len(self._tail)).astype(np.int64)
        over = np.maximum(self._tail - self._head - self._capacity, 0)
        if over.any():
            self.overflowed += int(over.sum())
            self._head += over
            for each in np.flatnonzero(over):
                self.bytes[each] = self._size[each].sum()

    def sizes(self, rows: Ints, width: int) -> Ints:
        """Of the oldest packets of some rows, (rows, width); 0 where there are fewer."""
        places = np.arange(width)
        at = (self._head[rows, None] + places) & self._mask
        waiting = places < (self._tail - self._head)[rows, None]
        sizes: Ints = np.where(waiting, self._size[rows[:, None], at], 0)
        return sizes

    def fitting(self, rows: Ints, room: Floats, overshoot: Bools) -> tuple[Ints, Floats]:
        """How many of the oldest packets of some rows fit into so many bytes, and what they come
        to; with `overshoot` the last one may exceed that."""
        width = int(min((self._tail - self._head)[rows].max(initial=0), _WIDEST))
        if not width:
            return np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows))
        sizes = self.sizes(rows, width)
        total = np.cumsum(sizes, axis=1)
        reach = total - np.where(overshoot[:, None], sizes - 1, 0)
        fits = (sizes > 0) & (reach <= room[:, None])
        count = np.sum(np.logical_and.accumulate(fits, axis=1), axis=1)
        last = total[np.arange(len(rows)), np.maximum(count - 1, 0)]
        return count, np.where(count > 0, last, 0).astype(np.float64)

    def pop(self, count: Ints) -> tuple[Ints, Ints, Ints, Ints]:
        """The `count` oldest of each row: row, size, slot and frame, in order of row."""
        row = np.repeat(self._rows, count)
        if not len(row):
            return row, row, row, row
        _, place = first_of_runs(row)
        at = (self._head[row] + place) & self._mask
        size, slot, frame = self._size[row, at], self._slot[row, at], self._frame[row, at]
        self._head += count
        self.bytes -= np.bincount(row, size, len(self._head)).astype(np.int64)
        return row, size, slot, frame

    def entries(self, row: int) -> tuple[Ints, Ints, Floats]:
        """Slot, frame and time of arrival of all that waits in one row, oldest first."""
        at = np.arange(self._head[row], self._tail[row]) & self._mask
        return self._slot[row, at], self._frame[row, at], self._at[row, at]

    def remove(self, row: int, slot: int, frames: Ints) -> None:
        """Takes these frames of a slot out."""
        at = np.arange(self._head[row], self._tail[row]) & self._mask
        gone = (self._slot[row, at] == slot) & np.isin(self._frame[row, at], frames)
        kept = at[~gone]
        places = np.arange(self._head[row], self._head[row] + len(kept)) & self._mask
        for column in (self._size, self._slot, self._frame, self._at):
            column[row, places] = column[row, kept]
        self._tail[row] = self._head[row] + len(kept)
        self.bytes[row] = self._size[row, places].sum()

    def since(self) -> Floats:
        """When the oldest packet of each row came; means nothing without one."""
        at: Floats = self._at[self._rows, self._head & self._mask]
        return at

    def oldest(self, time: float) -> Floats:
        """Seconds that the oldest packet has waited, 0 without one."""
        age: Floats = np.where(self._tail > self._head, time - self.since(), 0.0)
        return age


_WIDEST: Final = 32
"""Most packets of a row that are looked at in one step: 60 Mbit/s."""
