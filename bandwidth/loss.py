"""The rate that losses allow: bandwidth and inherent loss that best explain what was seen.

goog_cc loss_based_bwe_v2. The model: p(loss) = pi + (1 - pi) max(0, (S - B) / S) for S bit/s sent
over a path that carries B and loses the fraction pi whatever is sent.
"""

import math
from typing import Final

import numpy as np

from sfu.bandwidth.columns import Columns
from sfu.bandwidth.observations import WEIGHTS, Observations, Window
from sfu.bandwidth.rows import Bools, Floats, Ints, Records

BY_DELAY: Final = 0
DECREASING: Final = 1
INCREASING: Final = 2
"""With padding, so that there is something to lose."""


FACTORS: Final = (1.02, 1.0, 0.95)
NEWTON_STEP: Final = 0.75
INHERENT: Final = 0.01
INHERENT_LEAST: Final = 0.001
INHERENT_OFFSET: Final = 0.05
BALANCE: Final = 100_000.0
"""bit/s: what a lossy path is believed to carry, by how far loss is above the offset."""
BIAS: Final = 0.0002
BIAS_LOG: Final = 0.02
BIAS_UNTIL: Final = 0.20
BIAS_SMOOTHING: Final = 0.002
GROWTH_MOST: Final = 1.3
GROWTH_WINDOW_US: Final = 300_000
RAMP: Final = 1.5
RAMP_IN_HOLD: Final = 1.2
HOLD_THRESHOLD: Final = 1.3
HOLD_US: Final = 300_000
HOLD_MOST_US: Final = 60_000_000
PADDING_US: Final = 2_000_000
LEAST_RATE: Final = 5_000.0

_BLOCK: Final = 256
"""Rows whose candidates fit the cache together."""


class Loss(Columns):
    """The loss-limited rate; times are send times in microseconds, rates bit/s."""

    state: Ints
    limit: Floats
    """Infinite while losses do not limit."""
    average: Floats
    """Fraction of bytes lost over the window."""
    unavoidable: Floats
    """The same where sending less would not help, 0 elsewhere."""
    _bandwidth: Floats
    _inherent: Floats
    _hold_until: Floats
    _hold_for: Floats
    _hold_rate: Floats
    _window_at: Floats
    _window_limit: Floats
    _padding_at: Floats
    _padding_rate: Floats

    def __init__(self, capacity: int) -> None:
        super().__init__(
            capacity,
            {
                "state": BY_DELAY,
                "limit": math.inf,
                "average": 0.0,
                "unavoidable": 0.0,
                "_bandwidth": math.nan,
                "_inherent": INHERENT,
                "_hold_until": -math.inf,
                "_hold_for": float(HOLD_US),
                "_hold_rate": math.inf,
                "_window_at": -math.inf,
                "_window_limit": math.inf,
                "_padding_at": -math.inf,
                "_padding_rate": 0.0,
            },
        )
        self.observations = Observations(capacity)

    def grow(self, capacity: int) -> None:
        super().grow(capacity)
        self.observations.grow(capacity)

    def clear(self, rows: int | Ints) -> None:
        super().clear(rows)
        self.observations.clear(rows)

    def update(
        self,
        rows: Ints,
        news: Records,
        by_delay: Floats,
        throughput: Floats,
        application_limited: Bools,
        most: Floats,
        queue_ms: Floats,
        innocent_below_ms: Floats | None,
    ) -> None:
        """A feedback of each row; `by_delay` is what delay allows, `throughput` 0 if unknown,
        `most` the highest rate that is of use. Losses without a queue of `innocent_below_ms` do
        not limit unless they come with the rate; None to have all of them count."""
        closed = self.observations.add(rows, news, queue_ms)
        if innocent_below_ms is not None and len(closed):
            closed = self._excuse(rows, closed, by_delay, innocent_below_ms)
        for start in range(0, len(closed), _BLOCK):
            at = closed[start : start + _BLOCK]
            self._observe(rows[at], by_delay[at], throughput[at], application_limited[at], most[at])

    def _excuse(self, rows: Ints, closed: Ints, by_delay: Floats, below_ms: Floats) -> Ints:
        """Frees rows whose losses are no fault of the rate; returns the others."""
        here = rows[closed]
        window = self.observations.of(here)
        average, innocent = np.zeros(len(here)), np.ones(len(here), dtype=np.bool_)
        if np.count_nonzero(window.lost):
            lossy = np.flatnonzero(window.lost.any(axis=1))
            lost = Window._make(part[lossy] for part in window)
            average[lossy] = found = self.observations.average_loss(lost)
            innocent[lossy] = self.observations.innocent(lost, found, below_ms[closed[lossy]])
        self.unavoidable[here] = np.where(innocent, average, 0.0)
        free = here[innocent]
        self.average[free] = average[innocent]
        self._bandwidth[free] = by_delay[closed[innocent]]
        self._inherent[free] = np.maximum(average[innocent], INHERENT_LEAST)
        self.limit[free] = math.inf
        self.state[free] = BY_DELAY
        self._release(free)
        return closed[~innocent]

    def forgive(self, rows: Ints) -> None:
        """A queue that was full is empty: less is sent because of it already, and what it lost says
        nothing of the rate now. Losses that come without a queue are remembered."""
        rows = rows[self.unavoidable[rows] == 0.0]
        if not len(rows):
            return
        self.observations.clear(rows)
        self.state[rows] = BY_DELAY
        self.limit[rows] = math.inf
        self._bandwidth[rows] = math.nan
        self._release(rows)

    def _release(self, rows: Ints) -> None:
        """Delay rules: holds and padding begin anew."""
        self._padding_rate[rows] = 0.0
        self._padding_at[rows] = -math.inf
        self._hold_until[rows] = -math.inf
        self._hold_for[rows] = HOLD_US
        self._hold_rate[rows] = math.inf

    def _observe(
        self, rows: Ints, by_delay: Floats, throughput: Floats, idle: Bools, most: Floats
    ) -> None:
        now = self.observations.ended_us[rows].astype(np.float64)
        window = self.observations.of(rows)
        average = self.observations.average_loss(window)
        self.average[rows] = average
        held = self._bandwidth[rows]
        held = np.where(np.isnan(held), by_delay, held)
        limited = self.state[rows] != BY_DELAY
        known = throughput > 0.0
        padded = self._padding_at[rows] + PADDING_US >= now
        candidates = np.stack(
            [
                *(factor * held for factor in FACTORS),
                np.where(known & (~idle | padded), throughput, np.nan),
                np.where(by_delay > held, by_delay, np.nan),
            ]
        )
        cap = np.maximum(held, np.where(limited, self._window_limit[rows], math.inf))
        best, inherent = self._best(rows, window, np.minimum(candidates, cap), average)
        best = np.where((average > inherent) & (held < best), held, best)
        best = self._bound_growth(rows, best, held, throughput, now, limited)
        self._bandwidth[rows], self._inherent[rows] = best, inherent
        self._conclude(rows, best, by_delay, throughput, average, now, most)

    def _best(
        self, rows: Ints, window: Window, candidates: Floats, average: Floats
    ) -> tuple[Floats, Floats]:
        """Bandwidth and inherent loss of the candidate that explains the window best."""
        size, lost, rate = window.size / 1000.0, window.lost / 1000.0, window.rate
        highest = np.fmax.reduce(candidates, axis=0)
        inherent = np.full(len(rows), INHERENT_LEAST)
        # Without loss, and never sent above any candidate, the highest is the best.
        hard = np.flatnonzero(
            (lost.sum(axis=1) > 0.0) | (rate.max(axis=1) > np.fmin.reduce(candidates, axis=0))
        )
        if not len(hard):
            return highest, inherent
        bandwidth = candidates[:, hard]
        pi = np.clip(self._inherent[rows[hard]], INHERENT_LEAST, _inherent_most(bandwidth))
        rate, size, lost = rate[hard], WEIGHTS * size[hard], WEIGHTS * lost[hard]
        came = size - lost
        over = np.maximum(rate - bandwidth[:, :, None], 0.0) / np.maximum(rate, 1.0)
        p = _probability(pi, over)
        slope = (lost / p - came / (1.0 - p)).sum(axis=2)
        bend = np.minimum(-(lost / p**2 + came / (1.0 - p) ** 2).sum(axis=2), -1e-6)
        pi = np.clip(pi - NEWTON_STEP * slope / bend, INHERENT_LEAST, _inherent_most(bandwidth))
        p = _probability(pi, over)
        objective = (lost * np.log(p) + came * np.log1p(-p)).sum(axis=2)
        objective += _bias(bandwidth, average[hard]) * size.sum(axis=1)
        winner = np.argmax(np.where(np.isnan(objective), -math.inf, objective), axis=0)
        each = np.arange(len(hard))
        highest[hard], inherent[hard] = bandwidth[winner, each], pi[winner, each]
        return highest, inherent

    def _bound_growth(
        self,
        rows: Ints,
        best: Floats,
        held: Floats,
        throughput: Floats,
        now: Floats,
        limited: Bools,
    ) -> Floats:
        """While losses limit: 1.3 times per 300 ms at most, and not far beyond what arrives."""
        limit = self._window_limit[rows]
        fresh = np.isfinite(self._window_at[rows]) & (
            self._window_at[rows] + GROWTH_WINDOW_US > now
        )
        best = np.where(limited & fresh, np.minimum(best, limit), best)
        state = self.state[rows]
        rising = limited & ((held < best) | ((held == best) & (state == INCREASING)))
        hold = self._hold_rate[rows]
        in_hold = np.isfinite(hold) & (throughput < HOLD_THRESHOLD * hold)
        ramp = np.where(in_hold, RAMP_IN_HOLD, RAMP) * throughput
        bounded = np.maximum(held, np.minimum(best, ramp))
        # At least a bit more, so that the state turns to INCREASING and padding starts.
        bounded += (state == DECREASING) & (bounded == held)
        return np.where(rising & (throughput > 0.0), bounded, best)

    def _conclude(
        self,
        rows: Ints,
        best: Floats,
        by_delay: Floats,
        throughput: Floats,
        average: Floats,
        now: Floats,
        most: Floats,
    ) -> None:
        excess = average - INHERENT_OFFSET
        instant = np.where(excess > 0.0, BALANCE / np.maximum(excess, 1e-9), math.inf)
        bounded = np.maximum(throughput, np.minimum(np.minimum(best, instant), by_delay))
        cut = bounded < best
        self._bandwidth[rows[cut]] = bounded[cut]
        self._inherent[rows[cut]] = 0.0
        state, last = self.state[rows], self.limit[rows]
        below = bounded < np.minimum(by_delay, most)
        holding = (state == DECREASING) & (self._hold_until[rows] > now) & (bounded < by_delay)
        hold_rate = np.maximum(throughput, self._hold_rate[rows])
        rising = (state != BY_DELAY) & (
            (last < bounded) | ((last == bounded) & (state == INCREASING))
        )
        padding = (
            (state != INCREASING)
            | (self._padding_at[rows] + PADDING_US >= now)
            | (self._padding_rate[rows] < bounded)
        )
        increasing = ~holding & below & rising & padding
        decreasing = ~holding & below & ~increasing
        free = ~holding & ~below
        self._hold_rate[rows[holding]] = hold_rate[holding]
        self._start_padding(rows, increasing & (bounded > self._padding_rate[rows]), bounded, now)
        self._start_hold(rows, decreasing & (state != DECREASING), bounded, now)
        self._padding_rate[rows[decreasing]] = 0.0
        self._padding_at[rows[decreasing]] = -math.inf
        self._release(rows[free])
        limit = np.where(holding, np.minimum(hold_rate, bounded), bounded)
        self.limit[rows] = np.where(free, math.inf, limit)
        state = np.where(increasing, INCREASING, np.where(free, BY_DELAY, DECREASING))
        self.state[rows] = state
        self._open_window(rows[state != BY_DELAY], now[state != BY_DELAY])

    def _start_padding(self, rows: Ints, which: Bools, rate: Floats, now: Floats) -> None:
        self._padding_rate[rows[which]] = rate[which]
        self._padding_at[rows[which]] = now[which]

    def _start_hold(self, rows: Ints, which: Bools, rate: Floats, now: Floats) -> None:
        entering = rows[which]
        duration = self._hold_for[entering]
        self._hold_until[entering] = now[which] + duration
        self._hold_for[entering] = np.minimum(2.0 * duration, HOLD_MOST_US)
        self._hold_rate[entering] = rate[which]

    def _open_window(self, rows: Ints, now: Floats) -> None:
        passed = ~(self._window_at[rows] + GROWTH_WINDOW_US >= now)
        rows, now = rows[passed], now[passed]
        self._window_limit[rows] = np.maximum(GROWTH_MOST * self._bandwidth[rows], LEAST_RATE)
        self._window_at[rows] = now


def _inherent_most(bandwidth: Floats) -> Floats:
    return np.minimum(INHERENT_OFFSET + BALANCE / np.maximum(bandwidth, 1.0), 1.0)


def _probability(inherent: Floats, over: Floats) -> Floats:
    """Of loss, by the model; `over` is the excess sent, of shape (candidates, rows, window)."""
    pi = inherent[:, :, None]
    return np.clip(pi + (1.0 - pi) * over, 1e-6, 1.0 - 1e-6)


def _bias(bandwidth: Floats, average: Floats) -> Floats:
    """Preference of more bandwidth, which fades as losses near 20 %."""
    away = BIAS_UNTIL - average
    factor = away / (BIAS_SMOOTHING + np.abs(away))
    kbps = bandwidth / 1000.0
    return factor * (BIAS * kbps + BIAS_LOG * np.log1p(kbps))
