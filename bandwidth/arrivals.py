"""How fast packets come in right now; while a queue stands, that is what the link carries.

The robust throughput looks back a second and more, so after a drop of capacity it tells the past.
"""

from typing import Final

import numpy as np

from sfu.bandwidth.columns import Columns
from sfu.bandwidth.rows import Bools, Floats, Ints, Records

SHORT: Final = 0.06
LONG: Final = 0.3
"""Seconds of arrivals after which older ones count a third."""
LONGEST: Final = 5.0


class Arrivals(Columns):
    """Bits and seconds of recent groups, older ones fading, soon and later."""

    _short_bits: Floats
    _short_seconds: Floats
    _long_bits: Floats
    _long_seconds: Floats

    def __init__(self, capacity: int) -> None:
        super().__init__(
            capacity,
            {
                "_short_bits": 0.0,
                "_short_seconds": 0.0,
                "_long_bits": 0.0,
                "_long_seconds": 0.0,
            },
        )

    def update(self, rows: Ints, first: Ints, counts: Ints, deltas: Records, queued: Bools) -> None:
        """Takes each row's `counts` deltas from `first` on. Where a queue begins, those before it
        came in as they were sent: they say nothing of what the link carries."""
        first = np.minimum(first, len(deltas))
        end = np.minimum(first + counts, len(deltas))
        bounds = np.empty(2 * len(rows), dtype=np.int64)
        bounds[::2], bounds[1::2] = first, end
        seconds = _between(deltas["arrival_delta_us"], bounds) / 1e6
        bits = _between(deltas["size"], bounds) * 8.0
        # Absurd spans say nothing, nor does none.
        some = (end > first) & (seconds > 0.0) & (seconds < LONGEST)
        if np.count_nonzero(some) < len(rows):
            rows, seconds, bits, queued = rows[some], seconds[some], bits[some], queued[some]
        fading = np.exp(-seconds / SHORT) * ~queued
        self._short_bits[rows] = fading * self._short_bits[rows] + bits
        self._short_seconds[rows] = fading * self._short_seconds[rows] + seconds
        fading = np.exp(-seconds / LONG) * ~queued
        self._long_bits[rows] = fading * self._long_bits[rows] + bits
        self._long_seconds[rows] = fading * self._long_seconds[rows] + seconds

    def now(self, rows: Ints) -> Floats:
        """bit/s of the last feedback or two, 0 while unknown."""
        return self._short_bits[rows] / np.maximum(self._short_seconds[rows], 1e-3)

    def lately(self, rows: Ints) -> Floats:
        """bit/s of the last few hundred milliseconds."""
        return self._long_bits[rows] / np.maximum(self._long_seconds[rows], 1e-3)

    def restart(self, rows: Ints) -> None:
        """Something changed: forgets all but the last feedback or two."""
        if not len(rows):
            return
        self._long_bits[rows] = self._short_bits[rows]
        self._long_seconds[rows] = self._short_seconds[rows]


def _between(values: Ints, bounds: Ints) -> Floats:
    """Sums of the values from every other bound to the next; of an empty span anything."""
    # One more, for spans that end with the last.
    padded = np.zeros(len(values) + 1)
    padded[:-1] = values
    sums: Floats = np.add.reduceat(padded, bounds)[::2]
    return sums
