"""The rate that delay allows: up while queues stay short, down to what arrives when they grow.

goog_cc aimd_rate_control: multiplicative increase until the link's capacity was met once, additive
near it.
"""

import math
from typing import Final

import numpy as np

from sfu.bandwidth.columns import Columns
from sfu.bandwidth.link_capacity import LinkCapacity
from sfu.bandwidth.rows import Bools, Floats, Ints, within
from sfu.bandwidth.trendline import NORMAL, OVERUSE, UNDERUSE

LEAST_RATE: Final = 5_000.0
MOST_RATE: Final = 4e9
"""bit/s; rates go down as 32-bit numbers."""

BACK_OFF: Final = 0.85
BACK_OFF_FURTHER: Final = 5_000.0
GROWTH: Final = 1.08
"""Per second, while the capacity is unknown."""
GROWTH_LEAST: Final = 1_000.0
HEADROOM: Final = 1.5
HEADROOM_FIXED: Final = 10_000.0
"""No increase beyond 1.5 times what arrives and 10 kbit/s: it would not be tested."""
ADDITIVE_LEAST: Final = 4_000.0
FRAMES_PER_SECOND: Final = 30.0
PACKET_BITS: Final = 1200.0 * 8.0
RESPONSE_EXTRA: Final = 0.1
ROUND_TRIP: Final = 0.2
"""Seconds, until one was measured."""

_LOG_GROWTH: Final = math.log(GROWTH)

HOLD: Final = 0
INCREASE: Final = 1


class Aimd(Columns):
    """Rate control on the detector's verdict; rates in bit/s, times in seconds."""

    rate: Floats
    throughput: Floats
    """The last one known, 0 before."""
    round_trip: Floats
    changed_at: Floats
    decreased_at: Floats
    _phase: Ints

    def __init__(self, capacity: int) -> None:
        super().__init__(
            capacity,
            {
                "rate": LEAST_RATE,
                "throughput": 0.0,
                "round_trip": ROUND_TRIP,
                "changed_at": 0.0,
                "decreased_at": -math.inf,
                "_phase": HOLD,
            },
        )
        self.link = LinkCapacity(capacity)

    def grow(self, capacity: int) -> None:
        super().grow(capacity)
        self.link.grow(capacity)

    def clear(self, rows: int | Ints) -> None:
        super().clear(rows)
        self.link.clear(rows)

    def set_rate(self, rows: Ints, rate: Floats, now: float) -> None:
        """A rate from elsewhere, a probe for instance."""
        if not len(rows):
            return
        fell = rate < self.rate[rows]
        self.rate[rows] = within(rate, LEAST_RATE, MOST_RATE)
        self.changed_at[rows] = now
        self.decreased_at[rows[fell]] = now

    def cut(self, rows: Ints, now: float, capacity: Floats, factor: Floats) -> None:
        """Overuse of a link that carries this; no rate above that part of it."""
        if not len(rows):
            return
        lowered = np.minimum(self.rate[rows], factor * capacity)
        self.link.forget(rows[capacity < self.link.bounds(rows)[0]])
        self.link.overused(rows, capacity)
        self.rate[rows] = within(lowered, LEAST_RATE, MOST_RATE)
        self._phase[rows] = HOLD
        self.changed_at[rows] = now
        self.decreased_at[rows] = now

    def update(
        self,
        rows: Ints,
        now: float,
        state: Ints,
        throughput: Floats,
        probed: Floats,
        headroom: float = HEADROOM,
        growth_near: float = math.inf,
    ) -> None:
        """One feedback of each of the rows: the detector's state, what arrived (0 unknown) and
        the result of a probe (0 none). `headroom` bounds the rate by what arrives, `growth_near`
        the additive increase by a part of the rate per second."""
        known = throughput > 0.0
        self.throughput[rows[known]] = throughput[known]
        over = state == OVERUSE
        if np.count_nonzero(over):
            halved = over & ~known & (now - self.changed_at[rows] >= ROUND_TRIP)
            self.set_rate(rows[halved], self.rate[rows[halved]] / 2.0, now)
            self._decrease(rows[over & known & self._may_decrease(rows, now, throughput)], now)
        by_probe = ~over & (probed > 0.0)
        self.set_rate(rows[by_probe], probed[by_probe], now)
        steady = ~over & ~by_probe
        resting = steady & (state == UNDERUSE)
        self._phase[rows[resting]] = HOLD
        rising = rows[steady & (state == NORMAL)]
        starting = rising[self._phase[rising] == HOLD]
        self.changed_at[starting] = now
        self._phase[starting] = INCREASE
        self._increase(rising, now, headroom, growth_near)

    def _may_decrease(self, rows: Ints, now: float, throughput: Floats) -> Bools:
        """Not twice within a round trip, but for a collapse."""
        interval = within(self.round_trip[rows], 0.01, 0.2)
        late = now - self.changed_at[rows] >= interval
        return late | (throughput < 0.5 * self.rate[rows])

    def _increase(self, rows: Ints, now: float, headroom: float, growth_near: float) -> None:
        throughput, rate = self.throughput[rows], self.rate[rows]
        mean = self.link.outgrown(rows, throughput)
        limit = headroom * throughput + HEADROOM_FIXED
        elapsed = np.maximum(now - self.changed_at[rows], 0.0)
        growth = np.exp(_LOG_GROWTH * np.minimum(elapsed, 1.0)) - 1.0
        raised = rate + np.maximum(rate * growth, GROWTH_LEAST)
        known = ~np.isnan(mean)
        if np.count_nonzero(known):
            added = rate + np.minimum(self._additive(rows, rate), growth_near * rate) * elapsed
            np.copyto(raised, added, where=known)
        raised = np.where(rate < limit, np.minimum(raised, limit), rate)
        self.rate[rows] = within(raised, LEAST_RATE, MOST_RATE)
        self.changed_at[rows] = now

    def _additive(self, rows: Ints, rate: Floats) -> Floats:
        """bit/s per second: half a packet per response time."""
        frame = rate / FRAMES_PER_SECOND
        packet = frame / np.ceil(frame / PACKET_BITS)
        response = 2.0 * (self.round_trip[rows] + RESPONSE_EXTRA)
        return np.maximum(packet / response, ADDITIVE_LEAST)

    def _decrease(self, rows: Ints, now: float) -> None:
        if not len(rows):
            return
        throughput, rate = self.throughput[rows], self.rate[rows]
        lowered = BACK_OFF * throughput
        lowered -= np.where(lowered > BACK_OFF_FURTHER, BACK_OFF_FURTHER, 0.0)
        mean = 1000.0 * self.link.mean[rows]
        lowered = np.where((lowered > rate) & ~np.isnan(mean), BACK_OFF * mean, lowered)
        self.link.forget(rows[throughput < self.link.bounds(rows)[0]])
        self.link.overused(rows, throughput)
        self.rate[rows] = within(np.minimum(lowered, rate), LEAST_RATE, MOST_RATE)
        self._phase[rows] = HOLD
        self.changed_at[rows] = now
        self.decreased_at[rows] = now
