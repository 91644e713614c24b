"""Back-off of paths that answer late or not at all (goog_cc rtt_based_backoff)."""

import math
from typing import Final

import numpy as np

from sfu.bandwidth.columns import Columns
from sfu.bandwidth.rows import (
    REMB,
    REPORT,
    RESET,
    SILENT,
    TRANSPORT_WIDE,
    Floats,
    Ints,
    Records,
)

LATE: Final = 3.0
"""Seconds of round trip, or without an answer while sending."""
INTERVAL: Final = 1.0
FACTOR: Final = 0.8
LEAST_RATE: Final = 5_000.0
ANSWERS: Final = TRANSPORT_WIDE | REPORT | REMB | RESET
"""What a path tells that is there, or another one in its place."""


class BackOff(Columns):
    """What late paths are cut to."""

    limit: Floats
    """bit/s, infinite for paths that answer in time."""
    heard_at: Floats
    """When transport-wide feedback last came, seconds; NaN before the first."""
    _cut_at: Floats

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity, {"limit": math.inf, "heard_at": math.nan, "_cut_at": -math.inf})

    def update(self, rows: Ints, news: Records, now: float, target: Floats) -> None:
        """News of each row, and what it may send by all else."""
        heard = (news["flags"] & TRANSPORT_WIDE) != 0
        self.heard_at[rows[heard]] = now
        late = heard & (news["round_trip_us"] > LATE * 1e6)
        silent = (news["flags"] & SILENT) != 0
        if np.count_nonzero(silent):
            # Who was never heard is not late.
            late |= silent & (now - self.heard_at[rows] > LATE)
        # That a probe came to nothing is no answer.
        answered = (news["flags"] & ANSWERS) != 0
        self.limit[rows[answered & ~late]] = math.inf
        if not np.count_nonzero(late):
            return
        cut = late & (now - self._cut_at[rows] >= INTERVAL)
        rate = FACTOR * np.minimum(target[cut], self.limit[rows[cut]])
        self.limit[rows[cut]] = np.maximum(rate, LEAST_RATE)
        self._cut_at[rows[cut]] = now
