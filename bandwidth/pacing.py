"""How fast packets leave: with what rates the packet plane has to work, and when it has to know."""

from typing import Final

import numpy as np

from sfu.bandwidth.columns import Columns
from sfu.bandwidth.rows import Bools, Floats, Ints, within

AT_START: Final = 2.5
FACTOR: Final = 1.1
"""Times the estimate; the first before any feedback: probes and joins are quick (goog_cc)."""
FACTOR_AMPLE: Final = 2.5
"""Where the path carries all that is asked for and was never seen to be full: the estimate is what
was tried, not what there is, and a keyframe need not wait (goog_cc)."""
AMPLE: Final = 1.1
"""Times what is asked for, in all layers: an estimate of so much is ample."""
WHOLE: Final = 2.0
"""Times the target: who is paced at so much is sent bursts of 40 ms by the plane."""
FACTOR_NEAR: Final = 1.05
"""Near the capacity each burst makes a queue by what it exceeds."""
FACTOR_QUEUED: Final = 1.0
"""While a queue stands in the path: what waits in the pacer would only move there."""
BACKLOG_US: Final = 300_000.0
"""More that waits in the pacer after a cut has to be made room for."""
BACKLOG_WITHIN_US: Final = 2_000_000.0
BACKLOG_MOST: Final = 0.3
"""Of the target, at most, for what waits beyond BACKLOG_US; it is gone after BACKLOG_WITHIN_US."""
CUT_LATELY: Final = 3.0
"""Seconds."""
CHANGE: Final = 0.01
"""Less is not worth a message, unless it is downwards."""


class Pacing(Columns):
    """What the plane was told last, bit/s."""

    _target: Floats
    _pacing: Floats
    _padding: Floats
    _ceiling: Floats

    def __init__(self, capacity: int) -> None:
        columns = "_target", "_pacing", "_padding", "_ceiling"
        super().__init__(capacity, dict.fromkeys(columns, 0.0))

    def news(self, target: Floats, pacing: Floats, padding: Floats, ceiling: Floats) -> Bools:
        """Rows of which the plane has to be told."""
        changed = (target < self._target) | (target > (1.0 + CHANGE) * self._target)
        changed |= np.abs(pacing - self._pacing) > CHANGE * self._pacing
        told: Bools = changed | (padding != self._padding) | (ceiling != self._ceiling)
        return told

    def in_whole(self) -> Bools:
        """Rows whose pictures leave in whole, as far as the plane was told."""
        whole: Bools = self._pacing >= WHOLE * self._target
        return whole

    def told(
        self, rows: Ints, target: Floats, pacing: Floats, padding: Floats, ceiling: Floats
    ) -> None:
        """The plane knows of these rows."""
        self._target[rows] = target[rows]
        self._pacing[rows] = pacing[rows]
        self._padding[rows] = padding[rows]
        self._ceiling[rows] = ceiling[rows]


def factors(heard: Bools, ample: Bools, near: Bools, queued: Bools) -> Floats:
    """Times the estimate that packets leave at; `ample` where the path carries all that is asked
    for and nobody knows how much more, `near` where the estimate is about the capacity that was
    met, `queued` where a queue stands in the path."""
    factor = np.where(heard, FACTOR, AT_START)
    np.copyto(factor, FACTOR_AMPLE, where=heard & ample)
    np.copyto(factor, FACTOR_NEAR, where=heard & near)
    np.copyto(factor, FACTOR_QUEUED, where=queued)
    return factor


def room(queued_us: Floats) -> Floats:
    """Part of the rate that is left to new packets while so old ones wait in the pacer."""
    backlog = (queued_us - BACKLOG_US) / BACKLOG_WITHIN_US
    return 1.0 - within(backlog, 0.0, BACKLOG_MOST)
