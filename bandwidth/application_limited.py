"""Application limited: less is sent than the path would carry (goog_cc alr_detector).

What arrives then says nothing of the path, so it has to be asked by probes.
"""

import math
from typing import Final

import numpy as np

from sfu.bandwidth.columns import Columns
from sfu.bandwidth.rows import Bools, Floats, Ints, within

USAGE: Final = 0.65
"""Of the estimate; who sends less is limited by what there is to send."""
WINDOW: Final = 0.5
"""Seconds that the budget of unused bits holds."""
ENTER: Final = 0.8
LEAVE: Final = 0.5


class ApplicationLimited(Columns):
    """A leaky budget per transport, in bits."""

    limited: Bools
    since: Floats
    """When it was last entered, seconds."""
    ended_at: Floats
    """When it was last left, seconds."""
    _budget: Floats
    _updated_at: Floats

    def __init__(self, capacity: int) -> None:
        super().__init__(
            capacity,
            {
                "limited": False,
                "since": -math.inf,
                "ended_at": -math.inf,
                "_budget": 0.0,
                "_updated_at": math.inf,
            },
        )

    def update(self, rows: Ints, now: float, sent_bits: Floats, estimate: Floats) -> None:
        """What each row sent since it was last here."""
        elapsed = np.maximum(now - self._updated_at[rows], 0.0)
        self._updated_at[rows] = now
        used = USAGE * estimate
        most = WINDOW * used
        budget = within(self._budget[rows] + used * elapsed - sent_bits, -most, most)
        self._budget[rows] = budget
        before = self.limited[rows]
        limited = np.where(before, budget >= LEAVE * most, budget > ENTER * most)
        self.limited[rows] = limited
        changed = before != limited
        if np.count_nonzero(changed):
            self.since[rows[changed & limited]] = now
            self.ended_at[rows[changed & before]] = now
