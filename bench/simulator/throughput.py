"""Acknowledged rate over the last second or more (goog_cc RobustThroughputEstimator)."""

from typing import Final

import numpy as np

from sfu.bench.simulator.packets import Bools, Floats, Ints


class Throughput:
    """Per row a window of received packets: at least 20 and a second, at most 500 and five seconds.

    min(sending, receiving rate), each without the packet that begins or ends its span; of the
    pauses between arrivals the longest counts like the second longest. Times in microseconds.
    """

    def __init__(self, rows: int) -> None:
        self._sent = np.zeros((rows, _RING), dtype=np.int64)
        self._came = np.zeros((rows, _RING), dtype=np.int64)
        self._size = np.zeros((rows, _RING), dtype=np.int32)
        self._gap = np.zeros((rows, _RING), dtype=np.int32)
        self._first = np.zeros(rows, dtype=np.int64)
        self._next = np.zeros(rows, dtype=np.int64)
        self._bytes = np.zeros(rows, dtype=np.int64)
        self.bps = np.zeros(rows)
        """0 before it is known."""

    def take(self, rows: Ints, sent: Ints, came: Ints, size: Ints, acked: Bools) -> None:
        """Received packets of some rows, (rows, packets), where `acked`, in order."""
        which, column = np.nonzero(acked)
        place = (np.cumsum(acked, axis=1) - 1)[which, column]
        owner = rows[which]
        at = (self._next[owner] + place) & _MASK
        self._sent[owner, at] = sent[which, column]
        self._came[owner, at] = came[which, column]
        self._size[owner, at] = size[which, column]
        before = self._came[owner, (at - 1) & _MASK]
        is_first = self._next[owner] + place == 0
        self._gap[owner, at] = np.where(is_first, 0, self._came[owner, at] - before)
        self._next[rows] += acked.sum(axis=1)
        self._bytes[rows] += (size * acked).sum(axis=1)
        self._forget(rows)
        self._measure(rows)

    def _forget(self, rows: Ints) -> None:
        """Drops what has left the window; what is over the most falls out next time."""
        newest = self._came[rows, (self._next[rows] - 1) & _MASK]
        while len(rows):
            first = self._first[rows]
            count = self._next[rows] - first
            age = newest - self._came[rows, first & _MASK]
            drop = (count > _MOST) | ((count > 1) & (age > _LONGEST_US))
            drop |= (count > _LEAST) & (age > _LEAST_US)
            rows, newest, first = rows[drop], newest[drop], first[drop]
            self._bytes[rows] -= self._size[rows, first & _MASK]
            self._first[rows] += 1

    def _measure(self, rows: Ints) -> None:
        rows = rows[self._next[rows] - self._first[rows] >= _FEWEST]
        if not len(rows):
            return
        begin, end = self._first[rows] & _MASK, (self._next[rows] - 1) & _MASK
        longest, second = self._pauses(rows)
        receiving = self._came[rows, end] - self._came[rows, begin] - longest + second
        sending = self._sent[rows, end] - self._sent[rows, begin]
        total = self._bytes[rows]
        received = _rate(total - self._size[rows, begin], receiving)
        self.bps[rows] = np.minimum(received, _rate(total - self._size[rows, end], sending))

    def _pauses(self, rows: Ints) -> tuple[Ints, Ints]:
        """The longest and the second longest between arrivals."""
        count = self._next[rows] - self._first[rows] - 1
        places = np.arange(int(count.max()))
        at = (self._first[rows, None] + 1 + places) & _MASK
        gaps = np.where(places < count[:, None], self._gap[rows[:, None], at], 0)
        which = np.arange(len(rows))
        longest_at = np.argmax(gaps, axis=1)
        longest = gaps[which, longest_at]
        gaps[which, longest_at] = 0
        return longest, gaps.max(axis=1)


def _rate(size: Ints, span_us: Ints) -> Floats:
    """bit/s; spans under a millisecond count as one."""
    rate: Floats = size * 8e6 / np.maximum(span_us, 1000)
    return rate


_RING: Final = 1024
_MASK: Final = _RING - 1
"""For the remainder; much faster than the division, for any power of two."""
_MOST: Final = 500
_LEAST: Final = 20
_FEWEST: Final = 10
_LEAST_US: Final = 1_000_000
_LONGEST_US: Final = 5_000_000
