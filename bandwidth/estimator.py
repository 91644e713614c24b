"""What each subscriber's path carries: columns for all transports, one tick for all of them."""

import math
from typing import Final

import numpy as np

from sfu.bandwidth.columns import Columns
from sfu.bandwidth.index import Index
from sfu.bandwidth.rows import (
    FEEDBACK,
    RATES,
    TRANSPORT_WIDE,
    Bools,
    Floats,
    Ints,
    Records,
)

NORMAL: Final = 0
OVERUSE: Final = 1
UNDERUSE: Final = 2

LEAST_RATE: Final = 30_000.0
"""bit/s; below this not even sound gets through."""
MOST_RATE: Final = 4e9
"""bit/s; rates go down as 32-bit numbers."""

_PACING_AT_START: Final = 2.5
_PACING: Final = 1.1  # both goog_cc


class Estimator(Columns):
    """Bit/s that each transport's path carries, learnt from what its receiver reports.

    All columns have one entry per dense row; those of rows where `active` is False mean nothing.
    """

    transport: Ints
    active: Bools
    target: Floats
    """bit/s to be spent on everything, never above the ceiling."""
    state: Ints
    """NORMAL, OVERUSE or UNDERUSE of the path, as of the last feedback."""
    throughput: Floats
    """bit/s that arrive; 0 before it is known."""
    queue_us: Floats
    """Standing queue: least delay above the base."""
    round_trip_us: Floats
    loss: Floats
    """Fraction of bytes that do not arrive."""
    limited_by_loss: Bools
    estimate: Floats
    """bit/s that the path is believed to carry, whatever the ceiling."""
    ceiling: Floats
    allocated: Floats
    next_step: Floats
    wanted: Floats

    def __init__(self, capacity: int = 64) -> None:
        super().__init__(
            capacity,
            {
                "transport": 0,
                "active": False,
                "target": 0.0,
                "state": NORMAL,
                "throughput": 0.0,
                "queue_us": 0.0,
                "round_trip_us": 0.0,
                "loss": 0.0,
                "limited_by_loss": False,
                "estimate": 0.0,
                "ceiling": math.inf,
                "allocated": 0.0,
                "next_step": 0.0,
                "wanted": 0.0,
                "_heard": False,
                "_changed_at": 0.0,
                "_sent_target": 0.0,
            },
        )
        self._index = Index(capacity)
        self._heard: Bools
        self._changed_at: Floats
        self._sent_target: Floats

    def add(
        self, transport: int, now: float, *, start: float = 300_000.0, ceiling: float = math.inf
    ) -> None:
        """A new transport, believed to carry `start` bit/s. One that is known begins anew."""
        self.remove(transport)
        if self._index.full():
            self._index.grow(2 * self._index.capacity)
            self.grow(self._index.capacity)
        row = self._index.add(transport)
        self.clear(row)
        self.transport[row] = transport
        self.active[row] = True
        self.ceiling[row] = ceiling
        self.estimate[row] = start
        self.target[row] = min(start, ceiling)
        self._changed_at[row] = now

    def remove(self, transport: int) -> None:
        row = self._index.remove(transport)
        if row is not None:
            self.active[row] = False

    def rows_of(self, transports: Ints) -> Ints:
        """Dense row per transport, -1 for those that were never added."""
        return self._index.rows_of(transports)

    def demand(
        self, rows: Ints, *, allocated: Floats, next_step: Floats, wanted: Floats, ceiling: Floats
    ) -> None:
        """What is asked of these rows, bit/s with sound: what the present layers cost, what the
        next step up would (the same when there is none), all that is wanted, and the budget."""
        self.allocated[rows] = allocated
        self.next_step[rows] = next_step
        self.wanted[rows] = wanted
        self.ceiling[rows] = ceiling

    def tick(self, now: float, feedback: Records, deltas: Records) -> Records:
        """Takes news of FEEDBACK and DELTA rows, returns the RATES rows that changed."""
        rows, news = self._known(feedback)
        heard = (news["flags"] & TRANSPORT_WIDE) != 0
        self._learn(rows[heard], news[heard], now)
        np.clip(self.estimate, LEAST_RATE, MOST_RATE, out=self.estimate)
        self.target = np.minimum(self.estimate, self.ceiling)
        return self._commands()

    def _known(self, feedback: Records) -> tuple[Ints, Records]:
        """Dense rows and news of transports that are known, the last word of each."""
        rows = self._index.rows_of(feedback["transport"].astype(np.int64))
        if not len(rows):
            return rows, feedback
        last = np.empty(self._index.capacity, dtype=np.int64)
        last[rows] = np.arange(len(rows))
        kept = (rows >= 0) & (last[rows] == np.arange(len(rows)))
        return rows[kept], feedback[kept]

    def _learn(self, rows: Ints, news: Records, now: float) -> None:
        """Grows by 8 % per second, falls to 0.85 of what arrives when a queue stands."""
        throughput = news["throughput_bps"].astype(np.float64)
        queue = news["delay_min_us"].astype(np.float64)
        elapsed = np.clip(now - self._changed_at[rows], 0.0, 1.0)
        estimate = self.estimate[rows]
        over = queue > 60_000.0
        growth = np.where(throughput > 0.0, 1.5 * throughput + 10_000.0, math.inf)
        grown = np.maximum(estimate, np.minimum(growth, estimate * 1.08**elapsed + 500.0))
        fallen = np.minimum(estimate, 0.85 * throughput)
        self.estimate[rows] = np.where(over & (throughput > 0.0), fallen, grown)
        self.state[rows] = np.where(over, OVERUSE, NORMAL)
        self.throughput[rows] = throughput
        self.queue_us[rows] = queue
        self.round_trip_us[rows] = news["round_trip_us"]
        acked, lost = news["acked_bytes"].astype(np.float64), news["lost_bytes"].astype(np.float64)
        self.loss[rows] += 0.1 * (lost / np.maximum(acked + lost, 1.0) - self.loss[rows])
        self._changed_at[rows] = now
        self._heard[rows] = True

    def _commands(self) -> Records:
        """RATES of rows whose target fell, or rose by more than 1 %."""
        changed = self.active & (
            (self.target < self._sent_target) | (self.target > 1.01 * self._sent_target)
        )
        rows = np.flatnonzero(changed)
        self._sent_target[rows] = self.target[rows]
        rates = np.zeros(len(rows), dtype=RATES)
        rates["transport"] = self.transport[rows]
        rates["target_bps"] = self.target[rows]
        factor = np.where(self._heard[rows], _PACING, _PACING_AT_START)
        rates["pacing_bps"] = np.minimum(factor * self.target[rows], MOST_RATE)
        return rates


def no_feedback() -> Records:
    """Feedback of a tick without news."""
    return np.zeros(0, dtype=FEEDBACK)
