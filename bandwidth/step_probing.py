"""Probes for what is wanted next: the next step of the allocation, as soon as the path is stable.

goog_cc waits for five seconds without enough to send, and never asks while it sends enough to be
busy but not enough to learn; a stream that does not fit then stays small for long. Here the next
step is asked for, twice as much after each success, and at growing intervals while the answer is
no; what probes may cost is bounded.
"""

import math
from typing import Final

import numpy as np

from sfu.bandwidth.ample_probing import ASKED, AmpleProbing
from sfu.bandwidth.clusters import DURATION, Clusters
from sfu.bandwidth.columns import Columns
from sfu.bandwidth.probing import FIRST, FURTHER, SECOND, Situation
from sfu.bandwidth.rows import Bools, Floats, Ints

STABLE: Final = 0.2
"""Seconds without over- or underuse before a path is asked."""
CLIMBED: Final = 1.10
"""A step is climbed without a probe when the estimate exceeds it by a tenth; until then it is
asked for."""
MARGIN: Final = 1.30
"""Times the step that a probe asks for: what it finds is less than what it sends."""
LEAST_ABOVE: Final = 1.25
"""Times the estimate, at least: less is in the noise."""
STAGNATION: Final = 4.0
"""Seconds after which a path is asked although no step is due: a step may be withheld only because
nobody knows better."""
STUCK_ABOVE: Final = 1.5
"""Times the estimate that is asked for then."""
ENOUGH: Final = 1.05
"""Times all that is wanted; no need to know of more."""
SUCCESS: Final = 0.85
"""Of the rate that was asked for."""
PROGRESS: Final = 1.15
"""Times what was believed before; that is success as well, whatever was asked for."""
RESULT_WITHIN: Final = 1.0
RETRY: Final = 1.0
RETRY_GROWTH: Final = 1.5
RETRY_MOST: Final = 2.0
"""Seconds between probes that fail."""
COST: Final = 0.04
"""Of what arrives may go into probes ..."""
BROKEN: Final = 0.6
FREE: Final = 2
"""... but for the first ones that fail after less than that part of the estimate was left: what
arrives may be next to nothing then, and so would be what may be asked."""
JITTER_SPAN: Final = 8.0
"""Times the jitter that a cluster lasts longer, so that jitter is a small part of it."""
LEAST_BITS: Final = 20_000.0
"""Of a cluster: sound counts as well, and five packets of it are only as fast as it is spoken."""
RATE_LEAST: Final = 100_000.0
CALL_AGAIN: Final = 1.0
"""Seconds between clusters to a path that does not answer."""


class StepProbing(Columns):
    """Which cluster is under way, and when the next may be; seconds, bit/s."""

    begun: Bools
    started_at: Floats
    probed: Floats
    """Rate of the cluster whose result is awaited, 0 for none."""
    _ready_at: Floats
    _further: Floats
    _believed: Floats
    """The estimate when the cluster started, or since it has broken down."""
    _failures: Ints
    _stable_at: Floats

    def __init__(self, capacity: int) -> None:
        super().__init__(
            capacity,
            {
                "begun": False,
                "started_at": -math.inf,
                "probed": 0.0,
                "_ready_at": -math.inf,
                "_further": 0.0,
                "_believed": 0.0,
                "_failures": 0,
                "_stable_at": -math.inf,
            },
        )
        self.clusters = Clusters(capacity)
        self._ample = AmpleProbing(capacity)

    def grow(self, capacity: int) -> None:
        super().grow(capacity)
        self.clusters.grow(capacity)
        self._ample.grow(capacity)

    def clear(self, rows: int | Ints) -> None:
        super().clear(rows)
        self.clusters.clear(rows)
        self._ample.clear(rows)

    def result(self, rows: Ints, now: float, number: Ints, rate: Floats) -> None:
        """Clusters that came to an end, with what they found; 0 for those that failed."""
        expected = (self.probed[rows] > 0.0) & (number == self.clusters.number[rows])
        expected &= ~self.clusters.waiting()[rows]
        rows, rate = rows[expected], rate[expected]
        more = (rate > SUCCESS * self.probed[rows]) | (rate >= PROGRESS * self._believed[rows])
        self._further[rows] = np.where(more, FURTHER * rate, 0.0)
        self._end(rows, now, more)

    def _end(self, rows: Ints, now: float, success: Bools) -> None:
        failures = np.where(success, 0, self._failures[rows] + 1)
        wait = np.minimum(RETRY * RETRY_GROWTH ** np.minimum(failures - 1, 30), RETRY_MOST)
        self._failures[rows] = failures
        self._ready_at[rows] = np.where(success, now, self.started_at[rows] + wait)
        self.probed[rows] = 0.0

    def update(self, rows: Ints, now: float, at: Situation) -> None:
        """Decides for all of these rows."""
        self._stable_at[rows[~at.fit]] = now
        # What was found before is not to be built upon any more.
        self._further[rows[~at.fit]] = 0.0
        broken = at.estimate < BROKEN * self._believed[rows]
        self._failures[rows[broken]] = 0
        self._believed[rows[broken]] = at.estimate[broken]
        fresh = ~self.begun[rows]
        self.begun[rows] = True
        if np.count_nonzero(fresh):
            self._start(rows, now, at, fresh, FIRST * at.estimate, SECOND * at.estimate)
        waited = now - self.started_at[rows]
        self._call(rows[at.unanswered & (at.wanted > 0.0) & (waited >= CALL_AGAIN)], now)
        lost = (self.probed[rows] > 0.0) & (waited > RESULT_WITHIN + at.round_trip)
        if np.count_nonzero(lost):
            self._end(rows[lost], now, np.zeros(np.count_nonzero(lost), dtype=np.bool_))
        doubted = self._ample.due(rows, now, at, (self.probed[rows] == 0.0) & ~fresh)
        if len(doubted):
            self._ask(rows[doubted], now, ASKED * at.wanted[doubted], at.estimate[doubted])
        need = at.fit & (self.probed[rows] == 0.0) & ~fresh
        need &= now - self._stable_at[rows] >= STABLE
        short = (at.next_step > at.allocated) & (CLIMBED * at.next_step > at.estimate)
        stuck = ~short & (at.wanted > CLIMBED * at.estimate)
        stuck &= now - self.started_at[rows] >= STAGNATION
        need &= (short | stuck | (at.allocated > at.estimate)) & (at.estimate < at.ceiling)
        need &= now >= self._ready_at[rows]
        if not np.count_nonzero(need):
            return
        above = np.where(stuck, STUCK_ABOVE, LEAST_ABOVE)
        goal = np.maximum(MARGIN * at.next_step, above * at.estimate)
        goal = np.maximum(goal, self._further[rows])
        goal = np.minimum(goal, np.maximum(ENOUGH * at.wanted, MARGIN * at.next_step))
        bits = goal * _duration(goal, at.jitter)
        affordable = bits / (COST * np.maximum(at.throughput, RATE_LEAST))
        due = np.where(self._failures[rows] > FREE, self.started_at[rows] + affordable, -math.inf)
        need &= now >= due
        self._start(rows, now, at, need, goal)

    def _call(self, rows: Ints, now: float) -> None:
        """Whether anybody is there: not even a base may fit any more, so that nothing else would be
        sent that could be answered. What it finds is not asked."""
        if len(rows):
            self.clusters.put(rows, np.full(len(rows), RATE_LEAST), np.zeros(len(rows)))
            self.started_at[rows] = now
            self.probed[rows] = 0.0

    def _start(
        self,
        rows: Ints,
        now: float,
        at: Situation,
        which: Bools,
        first: Floats,
        second: Floats | None = None,
    ) -> None:
        if not np.count_nonzero(which):
            return
        wanted, ceiling = at.wanted[which], at.ceiling[which]
        rows = rows[which]
        most = np.where(
            wanted > 0.0, np.maximum(ENOUGH * wanted, MARGIN * at.next_step[which]), math.inf
        )
        most = np.minimum(most, ENOUGH * ceiling)
        rate = np.minimum(first[which], most)
        again = np.zeros(len(rows)) if second is None else np.minimum(second[which], most)
        again = np.where(again > rate, again, 0.0)
        duration = _duration(rate, at.jitter[which])
        self.clusters.put(rows, rate, again, duration)
        self._await(rows, now, np.maximum(rate, again), at.estimate[which])

    def _ask(self, rows: Ints, now: float, rate: Floats, estimate: Floats) -> None:
        """A single cluster of the usual length: for what is more than enough, jitter may lie."""
        self.clusters.put(rows, rate, np.zeros(len(rows)))
        self._await(rows, now, rate, estimate)

    def _await(self, rows: Ints, now: float, rate: Floats, estimate: Floats) -> None:
        self.probed[rows] = rate
        self._believed[rows] = estimate
        self.started_at[rows] = now
        self._further[rows] = 0.0


def _duration(rate: Floats, jitter: Floats) -> Floats:
    """Seconds that a cluster of so many bit/s lasts."""
    duration: Floats = np.maximum(
        DURATION + JITTER_SPAN * jitter, LEAST_BITS / np.maximum(rate, RATE_LEAST)
    )
    return duration
