"""When to probe, and how far up: goog_cc probe_controller for many transports.

A path is asked at the start (three and six times the start rate), as long as it answers with more,
each five seconds while too little is sent to learn from, when more is wanted than was, and after a
drop that may have been a mistake.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from sfu.bandwidth.clusters import Clusters
from sfu.bandwidth.columns import Columns
from sfu.bandwidth.rows import Bools, Floats, Ints

FIRST: Final = 3.0
SECOND: Final = 6.0
FURTHER: Final = 2.0
FURTHER_ABOVE: Final = 0.7
"""Of the last probe; with less the path is known."""
RESULT_WITHIN: Final = 1.0
PERIOD: Final = 5.0
PERIODIC: Final = 2.0
WANTED_MOST: Final = 2.0
"""Times what is wanted; more would be of no use."""
DROP: Final = 0.66
DROP_WITHIN: Final = 5.0
AFTER_DROP: Final = 0.85
UNCERTAINTY: Final = 0.05
LIMITED_WITHIN: Final = 3.0

INIT: Final = 0
WAITING: Final = 1
COMPLETE: Final = 2


@dataclass(frozen=True, slots=True)
class Situation:
    """What a decision to probe is made of; one entry per row, bit/s and seconds."""

    estimate: Floats
    fit: Bools
    """Neither over- nor underused, nor limited by losses or a late path."""
    recovered: Bools
    """Underuse has just ended."""
    throughput: Floats
    limited: Bools
    """By the application."""
    limited_since: Floats
    limited_until: Floats
    allocated: Floats
    next_step: Floats
    wanted: Floats
    """0 while unknown."""
    ceiling: Floats
    round_trip: Floats
    jitter: Floats
    ample: Bools
    """The path carries all that is asked for and was never seen to be full."""
    waited: Floats
    """Age of what waits longest in the pacer."""
    unanswered: Bools
    """The path answers late, or no more."""


class Probing(Columns):
    """The probe controller's state; times in seconds, rates bit/s."""

    phase: Ints
    started_at: Floats
    _further: Floats
    """The estimate above which to ask for twice as much."""
    _estimate: Floats
    _dropped_at: Floats
    _before_drop: Floats
    _drop_probed_at: Floats
    _wanted: Floats

    def __init__(self, capacity: int) -> None:
        super().__init__(
            capacity,
            {
                "phase": INIT,
                "started_at": -math.inf,
                "_further": math.inf,
                "_estimate": 0.0,
                "_dropped_at": -math.inf,
                "_before_drop": 0.0,
                "_drop_probed_at": -math.inf,
                "_wanted": 0.0,
            },
        )
        self.clusters = Clusters(capacity)

    def grow(self, capacity: int) -> None:
        super().grow(capacity)
        self.clusters.grow(capacity)

    def clear(self, rows: int | Ints) -> None:
        super().clear(rows)
        self.clusters.clear(rows)

    def update(self, rows: Ints, now: float, at: Situation) -> None:
        """Decides for all of these rows; at most one decision each, the first that applies."""
        self._note_drop(rows, now, at.estimate)
        idle = at.fit.copy()
        init = self.phase[rows] == INIT
        self._initiate(rows, now, at, init, FIRST * at.estimate, SECOND * at.estimate)
        idle &= ~init
        waiting = self.phase[rows] == WAITING
        self._initiate(
            rows,
            now,
            at,
            idle & waiting & (at.estimate > self._further[rows]),
            FURTHER * at.estimate,
        )
        late = waiting & (now - self.started_at[rows] > RESULT_WITHIN)
        self.phase[rows[late]] = COMPLETE
        self._further[rows[late]] = math.inf
        idle &= self.phase[rows] == COMPLETE
        idle &= ~self._wanted_more(rows, now, at, idle)
        idle &= ~self._recovered(rows, now, at, idle)
        due = np.maximum(at.limited_since, self.started_at[rows]) + PERIOD <= now
        self._initiate(rows, now, at, idle & at.limited & due, PERIODIC * at.estimate)

    def result(self, rows: Ints, now: float, number: Ints, rate: Floats) -> None:
        """Clusters that came to an end; what they found is in the estimate already."""

    def _note_drop(self, rows: Ints, now: float, estimate: Floats) -> None:
        before = self._estimate[rows]
        dropped = estimate < DROP * before
        self._dropped_at[rows[dropped]] = now
        self._before_drop[rows[dropped]] = before[dropped]
        self._estimate[rows] = estimate

    def _wanted_more(self, rows: Ints, now: float, at: Situation, idle: Bools) -> Bools:
        """More is wanted than the estimate, and it was not so before."""
        changed = at.wanted != self._wanted[rows]
        asked: Bools = (
            idle & changed & at.limited & (at.estimate < np.minimum(at.wanted, at.ceiling))
        )
        self._wanted[rows[changed]] = at.wanted[changed]
        first, second = at.wanted, FURTHER * at.wanted
        most = FURTHER * at.estimate
        self._initiate(
            rows,
            now,
            at,
            asked,
            np.minimum(first, most),
            np.minimum(second, most),
            allow_further=False,
        )
        return asked

    def _recovered(self, rows: Ints, now: float, at: Situation, idle: Bools) -> Bools:
        """The estimate fell by a third: was that a mistake?"""
        rate = AFTER_DROP * self._before_drop[rows]
        asked = idle & at.recovered & (at.limited | (now - at.limited_until < LIMITED_WITHIN))
        asked &= (1.0 - UNCERTAINTY) * rate > at.estimate
        asked &= now - self._dropped_at[rows] < DROP_WITHIN
        asked &= now - self._drop_probed_at[rows] > PERIOD
        self._drop_probed_at[rows[asked]] = now
        self._initiate(rows, now, at, asked, rate, allow_further=False)
        return asked

    def _initiate(
        self,
        rows: Ints,
        now: float,
        at: Situation,
        which: Bools,
        first: Floats,
        second: Floats | None = None,
        *,
        allow_further: bool = True,
    ) -> None:
        """Clusters of these rates for the rows in question, never beyond what is of use."""
        if not which.any():
            return
        rows, first = rows[which], first[which]
        wanted = at.wanted[which]
        most = np.where(wanted > 0.0, WANTED_MOST * wanted, math.inf)
        most = np.minimum(most, at.ceiling[which])
        last = first if second is None else second[which]
        # A cluster that the limit cuts is the last one.
        second_rate = np.where((second is not None) & (first < most), np.minimum(last, most), 0.0)
        self.clusters.put(rows, np.minimum(first, most), second_rate)
        further = (last < most) & allow_further
        self.phase[rows] = np.where(further, WAITING, COMPLETE)
        self._further[rows] = np.where(further, FURTHER_ABOVE * last, math.inf)
        self.started_at[rows] = now
