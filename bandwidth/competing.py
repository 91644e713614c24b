"""Beside a flow that fills every queue: hold a share, as TCP does, until the other is gone.

A queue that does not shrink while less is sent than arrives is somebody else's, most likely of a
loss-based TCP. Who gives way to its delay is starved (goog_cc keeps a few per cent), so here only
losses count, as they do for the other.
"""

from typing import Final

import numpy as np

from sfu.bandwidth.columns import Columns
from sfu.bandwidth.rows import Floats, Ints, within

GROWTH: Final = 40_000.0
GROWTH_PART: Final = 0.04
"""bit/s per second, or that part of the rate if it is more."""
HEADROOM: Final = 1.3
"""Times what arrives, at most."""
LOSS: Final = 0.02
"""Of a feedback's bytes, that is an overflow of the queue."""
BACK_OFF: Final = 0.7
INTERVAL: Final = 0.5
"""Seconds between two cuts at least, or a round trip."""


class Competing(Columns):
    """Times in seconds."""

    _changed_at: Floats
    _cut_at: Floats

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity, {"_changed_at": 0.0, "_cut_at": 0.0})

    def enter(self, rows: Ints, now: float) -> None:
        """From now on these compete."""
        self._changed_at[rows] = now
        self._cut_at[rows] = now

    def steer(
        self,
        rows: Ints,
        now: float,
        rate: Floats,
        throughput: Floats,
        loss: Floats,
        round_trip: Floats,
    ) -> Floats:
        """The next rate of each row; `loss` is the fraction of this feedback's bytes."""
        elapsed = within(now - self._changed_at[rows], 0.0, 1.0)
        self._changed_at[rows] = now
        cut = (loss > LOSS) & (now - self._cut_at[rows] > np.maximum(round_trip, INTERVAL))
        self._cut_at[rows[cut]] = now
        grown = rate + elapsed * np.maximum(GROWTH, GROWTH_PART * rate)
        grown = np.maximum(rate, np.minimum(grown, HEADROOM * throughput + GROWTH))
        next_rate: Floats = np.where(cut, BACK_OFF * rate, grown)
        return next_rate
