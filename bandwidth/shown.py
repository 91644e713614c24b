"""What probes have shown lately, against which an estimate that grew by itself is held.

Between probes an estimate grows up to 15 % beyond what arrives. A probe that finds less does not
lower it, for jitter makes probes look slow: a drop is for delays to tell. But where none of the
last ones found as much, the rest is guessed.
"""

import math
from typing import Final

import numpy as np

from sfu.bandwidth.clusters import RATIO_SATURATED
from sfu.bandwidth.columns import Columns
from sfu.bandwidth.rows import Floats, Ints

SPAN: Final = 6.0
"""Seconds of probes of which the most counts, and those of the span before: three to six probes
where a step is asked for each two seconds."""


class Shown(Columns):
    """bit/s and seconds."""

    _most: Floats
    """What probes of the present span found at the most, 0 for none."""
    _before: Floats
    """The same of the span before."""
    _begun: Floats
    """When the present span began."""
    _limit_at: Floats
    """When a probe last came in slower than it was sent."""

    def __init__(self, capacity: int) -> None:
        super().__init__(
            capacity,
            {"_most": 0.0, "_before": 0.0, "_begun": -math.inf, "_limit_at": -math.inf},
        )

    def learn(self, rows: Ints, now: float, rate: Floats, sent: Floats) -> None:
        """Clusters that came to an end: what they found, 0 where they failed, and at which rate
        they were sent; bit/s."""
        told = rate > 0.0
        rows, rate, sent = rows[told], rate[told], sent[told]
        age = now - self._begun[rows]
        over = age > SPAN
        late = rows[over]
        self._before[late] = np.where(age[over] > 2 * SPAN, 0.0, self._most[late])
        self._most[late] = 0.0
        self._begun[late] = now
        self._most[rows] = np.maximum(self._most[rows], rate)
        self._limit_at[rows[rate < RATIO_SATURATED * sent]] = now

    def most(self, now: float) -> Floats:
        """bit/s that each path was seen to carry; infinite where no probe has met a limit."""
        found = np.maximum(self._most, self._before)
        most: Floats = np.where(now - self._limit_at <= 2 * SPAN, found, math.inf)
        return most
