"""Whether queues build up: slope of the smoothed delay against a threshold that adapts.

The 20-point least squares fit of goog_cc is kept as running sums, so that a delta costs the same
whatever the window; both axes are moved and the sums made anew every ten seconds or so, before
rounding counts.
"""

import math
from typing import Final

import numpy as np

from sfu.bandwidth.columns import Columns
from sfu.bandwidth.groups import Groups, Step
from sfu.bandwidth.rows import Bools, Floats, Ints

NORMAL: Final = 0
OVERUSE: Final = 1
UNDERUSE: Final = 2

# All of goog_cc trendline_estimator.
WINDOW: Final = 20
SMOOTHING: Final = 0.9
MOST_DELTAS: Final = 1000
DELTAS_THAT_COUNT: Final = 60
GAIN: Final = 4.0
THRESHOLD: Final = 12.5
THRESHOLD_LEAST: Final = 6.0
THRESHOLD_MOST: Final = 600.0
ADAPT_UP: Final = 0.0087
ADAPT_DOWN: Final = 0.039
ADAPT_WITHIN: Final = 15.0
ADAPT_STEP_MS: Final = 100.0
OVERUSE_MS: Final = 10.0

_REBASE_MS: Final = 8_000.0


class Trendline(Columns):
    """Detector of overuse; times in milliseconds of the receiver's clock."""

    slope: Floats
    """(send rate - capacity) / capacity, about."""
    trend: Floats
    """The slope as it is compared with the threshold."""
    threshold: Floats
    state: Ints
    detections: Ints
    """How often in a row overuse was found, since it was last not."""

    _count: Ints
    _base: Floats
    _delay: Floats
    _smoothed: Floats
    _over_ms: Floats
    _over: Ints
    _adapted: Floats
    _at: Ints
    _sums: Floats
    _x: Floats
    _y: Floats

    def __init__(self, capacity: int) -> None:
        super().__init__(
            capacity,
            {
                "slope": 0.0,
                "trend": 0.0,
                "threshold": THRESHOLD,
                "state": NORMAL,
                "detections": 0,
                "_count": 0,
                "_base": math.nan,
                "_delay": 0.0,
                "_smoothed": 0.0,
                "_over_ms": -1.0,
                "_over": 0,
                "_adapted": math.inf,
                "_at": 0,
                "_sums": (0.0, 4),
                "_x": (0.0, WINDOW),
                "_y": (0.0, WINDOW),
            },
        )

    def update(self, rows: Ints, groups: Groups) -> None:
        """Takes the deltas of these rows."""
        rows = rows[groups.order[: groups.rows_with_any]]
        if not len(rows):
            return
        work = _Work(self, rows)
        for step in groups.steps():
            work.take(step)
        work.store()
        base = self._base[rows]
        newest = self._x[rows, (self._at[rows] - 1) % WINDOW]
        # Not all rows in the same tick.
        limit = _REBASE_MS + 64.0 * (rows % 64)
        self._rebase(rows[~((newest >= 0.0) & (newest < limit) & np.isfinite(base))])

    def _rebase(self, rows: Ints) -> None:
        """Moves the origin of both axes to the newest point and makes the sums anew."""
        if not len(rows):
            return
        x, y = self._x[rows], self._y[rows]
        newest = (self._at[rows] - 1) % WINDOW
        each = np.arange(len(rows))
        x0, y0 = x[each, newest], y[each, newest]
        filled = np.arange(WINDOW) < np.minimum(self._count[rows], WINDOW)[:, None]
        x = np.where(filled, x - x0[:, None], 0.0)
        y = np.where(filled, y - y0[:, None], 0.0)
        self._x[rows], self._y[rows] = x, y
        self._base[rows] += x0
        self._delay[rows] -= y0
        self._smoothed[rows] -= y0
        sums = [x.sum(axis=1), y.sum(axis=1), (x * x).sum(axis=1), (x * y).sum(axis=1)]
        self._sums[rows] = np.stack(sums, axis=1)


class _Work:
    """State of the rows that a tick is about, gathered, so that steps work on prefixes."""

    def __init__(self, table: Trendline, rows: Ints) -> None:
        self.table, self.rows = table, rows
        self.slope, self.trend = table.slope[rows], table.trend[rows]
        self.threshold, self.state = table.threshold[rows], table.state[rows]
        self.count, self.base = table._count[rows], table._base[rows]
        self.delay, self.smoothed = table._delay[rows], table._smoothed[rows]
        self.over_ms, self.over = table._over_ms[rows], table._over[rows]
        self.adapted, self.at = table._adapted[rows], table._at[rows]
        self.detections = table.detections[rows]
        self.sums = np.ascontiguousarray(table._sums[rows].T)
        self.flat_x, self.flat_y = table._x.ravel(), table._y.ravel()
        self.cell = rows * WINDOW

    def store(self) -> None:
        table, rows = self.table, self.rows
        table.slope[rows], table.trend[rows] = self.slope, self.trend
        table.threshold[rows], table.state[rows] = self.threshold, self.state
        table._count[rows], table._base[rows] = self.count, self.base
        table._delay[rows], table._smoothed[rows] = self.delay, self.smoothed
        table._over_ms[rows], table._over[rows] = self.over_ms, self.over
        table._adapted[rows], table._at[rows] = self.adapted, self.at
        table.detections[rows] = self.detections
        table._sums[rows] = self.sums.T

    def take(self, step: Step) -> None:
        """One delta of the first rows."""
        m = step.rows
        count = self.count[:m]
        np.minimum(count + 1, MOST_DELTAS, out=count)
        base = self.base[:m]
        np.copyto(base, step.arrival, where=np.isnan(base))
        delay, smoothed = self.delay[:m], self.smoothed[:m]
        delay += step.arrival_delta - step.send_delta
        smoothed *= SMOOTHING
        smoothed += (1.0 - SMOOTHING) * delay
        slope = self._fit(m, step.arrival - base, smoothed)
        self._detect(m, slope, step)

    def _fit(self, m: int, x: Floats, y: Floats) -> Floats:
        """Slope over the window once this point is in; the last one until the window is full."""
        at, (sx, sy, sxx, sxy) = self.at[:m], self.sums[:, :m]
        cell = self.cell[:m] + at
        old_x, old_y = self.flat_x[cell], self.flat_y[cell]
        self.flat_x[cell], self.flat_y[cell] = x, y
        sx += x - old_x
        sy += y - old_y
        sxx += x * x - old_x * old_x
        sxy += x * y - old_x * old_y
        at += 1
        at[at == WINDOW] = 0
        spread = WINDOW * sxx - sx * sx
        fitted = (self.count[:m] >= WINDOW) & (spread > 1e-3)
        slope = self.slope[:m].copy()
        np.divide(WINDOW * sxy - sx * sy, spread, out=slope, where=fitted)
        return slope

    def _detect(self, m: int, slope: Floats, step: Step) -> None:
        count, threshold, state = self.count[:m], self.threshold[:m], self.state[:m]
        trend = np.minimum(count, DELTAS_THAT_COUNT) * slope * GAIN
        above = trend > threshold
        below = trend < -threshold
        over_ms, over = self.over_ms[:m], self.over[:m]
        over_ms += np.where(over_ms < 0.0, 1.0 + step.send_delta / 2.0, step.send_delta)
        over += 1
        found = above & (over_ms > OVERUSE_MS) & (over > 1) & (slope >= self.slope[:m])
        np.copyto(over_ms, -1.0, where=~above)
        np.copyto(over_ms, 0.0, where=found)
        np.copyto(over, 0, where=~above | found)
        np.copyto(state, NORMAL, where=~above)
        np.copyto(state, UNDERUSE, where=below)
        np.copyto(state, OVERUSE, where=found)
        detections = self.detections[:m]
        detections += found
        np.copyto(detections, 0, where=~above)
        self.slope[:m], self.trend[:m] = slope, trend
        self._adapt(m, np.abs(trend), step.arrival, count >= 2)

    def _adapt(self, m: int, size: Floats, now: Floats, begun: Bools) -> None:
        threshold, adapted = self.threshold[:m], self.adapted[:m]
        gain = np.where(size < threshold, ADAPT_DOWN, ADAPT_UP)
        elapsed = np.clip(now - adapted, 0.0, ADAPT_STEP_MS)
        change = gain * (size - threshold) * elapsed
        threshold += np.where(size > threshold + ADAPT_WITHIN, 0.0, change)
        np.clip(threshold, THRESHOLD_LEAST, THRESHOLD_MOST, out=threshold)
        np.copyto(adapted, now, where=begun)
