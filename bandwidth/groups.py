"""Successive groups of packets of many transports, ready to be stepped through side by side."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from sfu.bandwidth.rows import Floats, Ints, Records

MOST_GROUPS: Final = 128
"""Of one row in one tick, half a second's worth and more; older ones are left out."""


class Step(NamedTuple):
    """The k-th delta of the first `rows` rows of `Groups.order`, in milliseconds."""

    rows: int
    send_delta: Floats
    arrival_delta: Floats
    arrival: Floats


class Groups:
    """Deltas by row. `order` sorts the rows by their number of deltas, most first, so that the
    rows that have a k-th one are always a prefix and no step needs a mask."""

    def __init__(self, first: Ints, counts: Ints, deltas: Records) -> None:
        """`first` and `counts` say where each row's deltas are; both may lie, all is bounded."""
        end = np.minimum(first + counts, len(deltas))
        counts = np.clip(end - first, 0, MOST_GROUPS)
        self.order = np.argsort(-counts, kind="stable")
        self.counts = counts[self.order]
        self._first = (end - counts)[self.order]
        self._send = deltas["send_delta_us"] / 1000.0
        self._arrival = deltas["arrival_delta_us"] / 1000.0
        self._at = deltas["arrival_us"] / 1000.0

    @property
    def rows_with_any(self) -> int:
        return int(np.count_nonzero(self.counts))

    def steps(self) -> Iterator[Step]:
        """Step by step through the deltas of all rows, oldest first."""
        if not len(self.counts):
            return
        remaining = np.bincount(self.counts, minlength=1)[::-1].cumsum()[::-1]
        for k in range(int(self.counts[0])):
            count = int(remaining[k + 1])
            entry = self._first[:count] + k
            yield Step(
                count, self._send.take(entry), self._arrival.take(entry), self._at.take(entry)
            )
