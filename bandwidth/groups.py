"""Successive groups of packets of many transports, side by side."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from sfu.bandwidth.rows import Floats, Ints, Records

MOST_GROUPS: Final = 128
"""Of one row in one tick, half a second's worth and more; older ones are left out."""
BLOCK: Final = 20
"""Deltas of a row that are looked at together, no more than fill a trendline's window: who has many
costs the others nothing."""


class Block(NamedTuple):
    """Some successive deltas of the first `len(counts)` rows of `Groups.order`, in milliseconds.

    Arrays have a line per delta and a column per row. Where a row has fewer than there are lines,
    the rest of its column says nothing.
    """

    counts: Ints
    """How many deltas each of the rows has, at least one."""
    send_delta: Floats
    variation: Floats
    """By how much more the groups are apart at arrival than they were when sent."""
    arrival: Floats


class Groups:
    """Deltas by row. `order` sorts the rows by their number of deltas, most first, so that the
    rows that have a k-th one are always a prefix."""

    def __init__(self, first: Ints, counts: Ints, deltas: Records) -> None:
        """`first` and `counts` say where each row's deltas are; both may lie, all is bounded."""
        end = np.minimum(first + counts, len(deltas))
        counts = np.minimum(np.maximum(end - first, 0), MOST_GROUPS)
        self.order = np.argsort(-counts, kind="stable")
        self.counts = counts[self.order]
        self._first = (end - counts)[self.order]
        self._send = deltas["send_delta_us"] / 1000.0
        self._variation = deltas["arrival_delta_us"] / 1000.0
        self._variation -= self._send
        self._arrival = deltas["arrival_us"] / 1000.0

    @property
    def rows_with_any(self) -> int:
        return int(np.count_nonzero(self.counts))

    def blocks(self) -> Iterator[Block]:
        """Through the deltas of all rows, oldest first."""
        most = int(self.counts[0]) if len(self.counts) else 0
        for start in range(0, most, BLOCK):
            rows = int(np.count_nonzero(self.counts > start))
            counts = np.minimum(self.counts[:rows] - start, BLOCK)
            entry = self._first[:rows] + start + np.arange(counts[0])[:, None]
            np.minimum(entry, len(self._send) - 1, out=entry)
            yield Block(
                counts,
                self._send.take(entry),
                self._variation.take(entry),
                self._arrival.take(entry),
            )
