"""After overuse: send less than the link carries until the queue is gone, then nearly all of it.

goog_cc holds its rate and lets the queue stand for seconds; whoever joined the queue waits there.
"""

import math
from typing import Final

import numpy as np

from sfu.bandwidth.columns import Columns
from sfu.bandwidth.rows import Bools, Floats, Ints, within

RESUME: Final = 0.98
"""Of the link's rate, once the queue is gone."""
RESUME_DEEP: Final = 0.93
DEEP_MS: Final = 100.0
"""After so long a queue there are repairs and keyframes to send, and the rate is not yet sure."""
DRAIN_WITHIN_MS: Final = 600.0
NARROWED_WITHIN_MS: Final = 750.0
"""A queue of so many milliseconds would need that long if nothing were sent; the second where the
link has become narrower, for the keyframes of lower layers come in that time."""
DRAIN_LEAST: Final = 0.4
DRAIN_MOST: Final = 0.85
BESIDE_KEYFRAMES: Final = 0.6
KEYFRAMES_WITHIN: Final = 1.0
"""Of what is sent after so long a queue layers may take that part, and for so many seconds the rest
is their keyframes'."""
LEAST: Final = 0.5
"""Seconds that a drain is given."""
WIDENED: Final = 1.5
WIDENED_RESUME: Final = 0.8
"""A queue that goes away so many times faster than it stood shows a link that is wider again. What
came in then is less than it carries, but short and soon old."""
STAYS: Final = 0.9
STAYS_MS: Final = 50.0
"""A queue of that and so much of what it was, after all that time, is not ours."""
GREW_MS: Final = 30.0
"""A queue that grows by that while it is drained tells of a link that got narrower still."""


class Drain(Columns):
    """Rates in bit/s, times in seconds; `capacity` is what the link carries, as far as is seen."""

    active: Bools
    capacity: Floats
    factor: Floats
    """Of the capacity that is sent meanwhile."""
    resume: Floats
    """Part of the capacity to send once the queue is gone."""
    before: Floats
    """The rate until then."""
    _narrowed: Bools
    _begun: Floats
    _queue: Floats
    _until: Floats

    def __init__(self, capacity: int) -> None:
        super().__init__(
            capacity,
            {
                "active": False,
                "capacity": 0.0,
                "factor": 1.0,
                "resume": RESUME,
                "before": 0.0,
                "_narrowed": False,
                "_begun": -math.inf,
                "_queue": 0.0,
                "_until": -math.inf,
            },
        )

    def begin(
        self,
        rows: Ints,
        now: float,
        rate: Floats,
        capacity: Floats,
        queue_ms: Floats,
        round_trip: Floats,
        narrowed: Bools,
    ) -> None:
        """`rate` was too much for links that carry `capacity`; `narrowed` where that is less than
        it was a moment ago, so that the queue is nobody else's."""
        if not len(rows):
            return
        again = self.active[rows]
        self.before[rows] = np.where(again, self.before[rows], rate)
        self._begun[rows] = np.where(again, self._begun[rows], now)
        self._narrowed[rows] = narrowed = narrowed | (again & self._narrowed[rows])
        within_ms = np.where(narrowed, NARROWED_WITHIN_MS, DRAIN_WITHIN_MS)
        factor = within(1.0 - queue_ms / within_ms, DRAIN_LEAST, DRAIN_MOST)
        self.active[rows] = True
        self.capacity[rows] = capacity
        self.resume[rows] = resume(queue_ms)
        self.factor[rows] = factor
        self._queue[rows] = queue_ms
        expected = queue_ms / 1000.0 / (1.0 - factor)
        self._until[rows] = now + np.maximum(2.0 * round_trip + 1.5 * expected, LEAST)

    def update(
        self, rows: Ints, now: float, arrival_rate: Floats, queue_ms: Floats, empty_ms: Floats
    ) -> Bools:
        """A feedback of each row; returns which of them have just run out of time."""
        active = self.active[rows]
        if not np.count_nonzero(active):
            return active
        # While the queue stands, what arrives is what the link carries.
        measured = active & (queue_ms > 2.0 * empty_ms) & (arrival_rate > 0.0)
        self.capacity[rows[measured]] = arrival_rate[measured]
        done = active & (queue_ms < empty_ms)
        late: Bools = active & ~done & (now >= self._until[rows])
        self.active[rows[done | late]] = False
        return late

    def stays(self, rows: Ints, queue_ms: Floats) -> Bools:
        """Where the queue is as long as ever."""
        there: Bools = queue_ms > np.maximum(STAYS * self._queue[rows], STAYS_MS)
        return there

    def worsens(self, rows: Ints, queue_ms: Floats) -> Bools:
        """Where a new cut is due although the last one is still being drained."""
        worse: Bools = queue_ms > self._queue[rows] + GREW_MS
        return worse

    def layers(self, now: float) -> tuple[Ints, Floats]:
        """Rows whose link has become so narrow that layers go, and what those that are left may
        take, bit/s: their keyframes have to get through what little is sent."""
        deep = self.active & self._narrowed & (self._queue > DEEP_MS)
        rows = np.flatnonzero(deep & (now - self._begun < KEYFRAMES_WITHIN))
        return rows, BESIDE_KEYFRAMES * self.sending(rows)

    def rate_after(self, rows: Ints, arriving: Floats) -> Floats:
        """bit/s to go on with where the queue is gone; `arriving` is how the last of it came."""
        rate = self.resume[rows] * self.capacity[rows]
        wider = np.minimum(WIDENED_RESUME * arriving, self.before[rows])
        widened = self._narrowed[rows] & (arriving > WIDENED * self.capacity[rows])
        return np.where(widened, np.maximum(rate, wider), rate)

    def sending(self, rows: Ints) -> Floats:
        """bit/s to send meanwhile."""
        return self.factor[rows] * self.capacity[rows]


def resume(queue_ms: Floats) -> Floats:
    """Part of the link's rate that is used after a queue of that length."""
    return np.where(queue_ms > DEEP_MS, RESUME_DEEP, RESUME)
