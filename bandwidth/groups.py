"""Successive groups of packets of many transports, side by side."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple, TypeVar

import numpy as np

from sfu.bandwidth.rows import Bools, Floats, Ints, Records

Values = TypeVar("Values", Floats, Ints, Bools)

MOST_GROUPS: Final = 128
"""Of one row in one tick, half a second's worth and more; older ones are left out."""
BLOCK: Final = 40
"""Deltas of a row that are looked at together, no more than fill a trendline's window twice: seldom
has any row more, so that most ticks take one block."""


class Block(NamedTuple):
    """Some successive deltas of the first `len(counts)` rows of `Groups.order`, in milliseconds.

    They stand line by line: the first one of each row, then the second of those that have one, and
    so on, so that the rows of a line are the first of those of the line before. Arrays have an
    entry per delta but for those of rows.
    """

    counts: Ints
    """How many deltas each of the rows has, at least one."""
    first: slice
    """The first line."""
    steps: list[tuple[slice, slice]]
    """Each further line, and the same rows in the line before."""
    last: Ints
    """Where the last delta of each of the rows is."""
    place: Ints
    """Which of the rows a delta is of."""
    number: Ints
    """Which of its row's deltas it is."""
    send_delta: Floats
    variation: Floats
    """By how much more the groups are apart at arrival than they were when sent."""
    arrival: Floats

    def spread(self, column: Values) -> Values:
        """An entry per delta of a column that has one per row: line by line, which takes a third of
        the time that it takes to look each of them up."""
        return np.concatenate(
            (column, *(column[: here.stop - here.start] for here, _ in self.steps))
        )

    def before(self, column: Values, first: Values) -> Values:
        """What is of the delta before in a column that has an entry per delta; of the first ones
        what is given for each row."""
        return np.concatenate((first, *(column[line] for _, line in self.steps)))


class Groups:
    """Deltas by row. `order` sorts the rows by their number of deltas, most first, so that the
    rows that have a k-th one are always the first of them."""

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
            yield self._block(start, np.minimum(self.counts[:rows] - start, BLOCK))

    def _block(self, start: int, counts: Ints) -> Block:
        """From the delta `start` of each row on, so many."""
        most = int(counts[0])
        # As the counts fall, those beyond a number are the first ones.
        widths = np.searchsorted(-counts, -np.arange(most))
        bounds = np.zeros(most + 1, dtype=np.int64)
        np.cumsum(widths, out=bounds[1:])
        begins = bounds.tolist()
        lines = widths.tolist()
        every = np.arange(len(counts))
        place = np.concatenate([every[:width] for width in lines])
        entry = np.concatenate([self._first[:width] for width in lines])
        number = np.repeat(np.arange(most), widths)
        entry += number
        entry += start
        return Block(
            counts,
            slice(0, begins[1]),
            [
                (slice(here, end), slice(before, before + end - here))
                for (before, here), (_, end) in pairwise(pairwise(begins))
            ],
            bounds.take(counts - 1) + every,
            place,
            number,
            self._send.take(entry),
            self._variation.take(entry),
            self._arrival.take(entry),
        )
