"""Packets that wait to be sent: a ring per row."""

import numpy as np

from sfu.bench.simulator.packets import Floats, Ints, first_of_runs


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

    def sizes(self, width: int) -> Ints:
        """Of the oldest packets, (rows, width); 0 where there are fewer."""
        places = np.arange(width)
        at = (self._head[:, None] + places) & self._mask
        waiting = places < (self._tail - self._head)[:, None]
        sizes: Ints = np.where(waiting, self._size[self._rows[:, None], at], 0)
        return sizes

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

    def remove(self, row: int, slot: int, before: int) -> Ints:
        """Takes a slot's frames before the given one out; returns their numbers."""
        at = np.arange(self._head[row], self._tail[row]) & self._mask
        gone = (self._slot[row, at] == slot) & (self._frame[row, at] < before)
        frames = np.unique(self._frame[row, at[gone]])
        kept = at[~gone]
        places = np.arange(self._head[row], self._head[row] + len(kept)) & self._mask
        for column in (self._size, self._slot, self._frame, self._at):
            column[row, places] = column[row, kept]
        self._tail[row] = self._head[row] + len(kept)
        self.bytes[row] = self._size[row, places].sum()
        return frames

    def oldest(self, time: float) -> Floats:
        """Seconds that the oldest packet has waited, 0 without one."""
        at = self._at[self._rows, self._head & self._mask]
        age: Floats = np.where(self._tail > self._head, time - at, 0.0)
        return age
