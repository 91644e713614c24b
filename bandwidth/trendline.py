"""Whether queues build up: slope of the smoothed delay against a threshold that adapts.

The 20-point least squares fit of goog_cc is kept as running sums, so that a delta costs the same
whatever the window; both axes are moved and the sums made anew every ten seconds or so, before
rounding counts. All that does not depend on the delta before is reckoned for many deltas at once.
"""

import math
from itertools import pairwise
from typing import Final

import numpy as np

from sfu.bandwidth.columns import Columns
from sfu.bandwidth.groups import BLOCK, Block, Groups
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
_REBASE_APART_MS: Final = 1_000.0
_STEPS: Final = np.arange(1, BLOCK + 1)[:, None]


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
    """Of x, y, x² and x·y over the window."""
    _window: Floats
    """x of all points, then y of all, from `_at` on the oldest first."""

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
                "_window": (0.0, 2 * WINDOW),
            },
        )

    def update(self, rows: Ints, groups: Groups) -> None:
        """Takes the deltas of these rows."""
        rows = rows[groups.order[: groups.rows_with_any]]
        for block in groups.blocks():
            self._take(rows[: len(block.counts)], block)

    def _take(self, rows: Ints, block: Block) -> None:
        each = np.arange(len(rows))
        last = (block.counts - 1) * len(rows) + each
        number = np.minimum(self._count[rows] + _STEPS[: len(block.arrival)], MOST_DELTAS)
        base = self._base[rows]
        fresh = np.isnan(base)
        if np.count_nonzero(fresh):
            base = np.where(fresh, block.arrival[0], base)
        x, y = block.arrival - base, self._smooth(rows, block, last)
        slope = self._fit(rows, block, x, y, last, number)
        self._detect(rows, block, slope, last, number)
        self._count[rows] = number.take(last)
        self._base[rows] = base
        # Not all rows in the same tick, nor a few in each.
        newest, limit = x.take(last), _REBASE_MS + _REBASE_APART_MS * (rows % 4)
        back = newest < 0.0
        if np.count_nonzero(back | (newest >= limit)):
            self._rebase(rows[back | (newest >= limit - _REBASE_APART_MS)])

    def _smooth(self, rows: Ints, block: Block, last: Ints) -> Floats:
        """The accumulated delay, smoothed."""
        delay = block.variation
        delay[0] += self._delay[rows]
        _accumulate(delay)
        smoothed = (1.0 - SMOOTHING) * delay
        smoothed[0] += SMOOTHING * self._smoothed[rows]
        for before, after in pairwise(smoothed):
            after += SMOOTHING * before
        self._delay[rows], self._smoothed[rows] = delay.take(last), smoothed.take(last)
        return smoothed

    def _fit(
        self, rows: Ints, block: Block, x: Floats, y: Floats, last: Ints, number: Ints
    ) -> Floats:
        """Slopes over the window once each point is in; the last one until the window is full."""
        at = self._at[rows]
        cell = (at + _STEPS[: len(x)] - 1) % WINDOW + rows * (2 * WINDOW)
        window = self._window.reshape(-1)
        old_x, old_y = window.take(cell), window.take(cell + WINDOW)
        sums = np.empty((4, *x.shape))
        np.subtract(x, old_x, out=sums[0])
        np.subtract(y, old_y, out=sums[1])
        np.subtract(x * x, old_x * old_x, out=sums[2])
        np.subtract(x * y, old_x * old_y, out=sums[3])
        sums[:, 0] += self._sums[rows].T
        _accumulate(sums.transpose(1, 0, 2))
        self._sums[rows] = sums.reshape(4, -1)[:, last].T
        self._at[rows] = (at + block.counts) % WINDOW
        if block.counts[-1] < len(x):
            there = _STEPS[: len(x)] <= block.counts
            cell, x, y = cell[there], x[there], y[there]
        window[cell], window[cell + WINDOW] = x, y
        sx, sy, sxx, sxy = sums
        spread = WINDOW * sxx - sx * sx
        fitted = (spread > 1e-3) & (number >= WINDOW)
        if np.count_nonzero(fitted) == fitted.size:
            slope: Floats = (WINDOW * sxy - sx * sy) / spread
            return slope
        slope = np.divide(WINDOW * sxy - sx * sy, spread, where=fitted, out=np.zeros(spread.shape))
        before = self.slope[rows]
        for line, known in zip(slope, fitted, strict=True):
            np.copyto(line, before, where=~known)
            before = line
        return slope

    def _detect(self, rows: Ints, block: Block, slope: Floats, last: Ints, number: Ints) -> None:
        trend = slope * np.minimum(number, DELTAS_THAT_COUNT)
        trend *= GAIN
        size = np.abs(trend)
        threshold = self._adapt(rows, block, size, last, number)
        above = trend > threshold
        verdict = np.where(trend < -threshold, UNDERUSE, NORMAL)
        state = verdict.take(last)
        calm = rows
        if np.count_nonzero(above):
            hot = above.any(axis=0)
            here, calm = np.flatnonzero(hot), rows[~hot]
            state[here] = self._judge(
                rows[here],
                block.counts[here],
                block.send_delta[:, here],
                slope[:, here],
                above[:, here],
                verdict[:, here],
            )
        self._over_ms[calm] = -1.0
        self._over[calm] = 0
        self.detections[calm] = 0
        self.state[rows] = state
        self.slope[rows], self.trend[rows] = slope.take(last), trend.take(last)

    def _judge(
        self,
        rows: Ints,
        counts: Ints,
        send_delta: Floats,
        slope: Floats,
        above: Bools,
        otherwise: Ints,
    ) -> Ints:
        """State of rows that have slopes above their threshold; it stays until overuse is sure."""
        over_ms, over = self._over_ms[rows], self._over[rows]
        state, detections, before = self.state[rows], self.detections[rows], self.slope[rows]
        for line in range(int(counts.max())):
            taken, up = counts > line, above[line]
            sent = send_delta[line]
            longer = over_ms + np.where(over_ms < 0.0, 1.0 + sent / 2.0, sent)
            found = up & (longer > OVERUSE_MS) & (over > 0) & (slope[line] >= before)
            np.copyto(over_ms, np.where(up, np.where(found, 0.0, longer), -1.0), where=taken)
            np.copyto(over, np.where(up & ~found, over + 1, 0), where=taken)
            np.copyto(detections, np.where(up, detections + found, 0), where=taken)
            verdict = np.where(up, np.where(found, OVERUSE, state), otherwise[line])
            np.copyto(state, verdict, where=taken)
            before = slope[line]
        self._over_ms[rows], self._over[rows] = over_ms, over
        self.detections[rows] = detections
        return state

    def _adapt(self, rows: Ints, block: Block, size: Floats, last: Ints, number: Ints) -> Floats:
        """The threshold that each slope is held against."""
        elapsed = np.empty(size.shape)
        np.subtract(block.arrival[0], self._adapted[rows], out=elapsed[0])
        np.subtract(block.arrival[1:], block.arrival[:-1], out=elapsed[1:])
        np.maximum(elapsed, 0.0, out=elapsed)
        np.minimum(elapsed, ADAPT_STEP_MS, out=elapsed)
        if np.count_nonzero(number[0] < 3):
            # Nothing was adapted yet.
            elapsed[number < 3] = 0.0
        self._adapted[rows] = np.where(number.take(last) >= 2, block.arrival.take(last), math.inf)
        held = np.empty((len(size) + 1, len(rows)))
        held[:] = self.threshold[rows]
        most = float(size.max())
        if most <= THRESHOLD_LEAST and float(held[0].max()) <= THRESHOLD_LEAST:
            return held[:-1]
        # Below the threshold the faster gain is the smaller change, too.
        slow, fast = ADAPT_UP * elapsed, ADAPT_DOWN * elapsed
        beyond = most > THRESHOLD_LEAST + ADAPT_WITHIN
        for line, (before, after) in enumerate(pairwise(held)):
            away = size[line] - before
            change = np.minimum(away * slow[line], away * fast[line])
            if beyond:
                change *= away <= ADAPT_WITHIN
            np.add(before, change, out=after)
            np.maximum(after, THRESHOLD_LEAST, out=after)
        np.minimum(held, THRESHOLD_MOST, out=held)
        self.threshold[rows] = held.take(last + len(rows))
        return held[:-1]

    def _rebase(self, rows: Ints) -> None:
        """Moves the origin of both axes to the newest point and makes the sums anew."""
        window = self._window[rows].reshape(-1, 2, WINDOW)
        each, newest = np.arange(len(rows)), (self._at[rows] - 1) % WINDOW
        origin = window[each, :, newest]
        filled = np.arange(WINDOW) < np.minimum(self._count[rows], WINDOW)[:, None]
        x, y = (
            np.where(filled, window[:, 0] - origin[:, :1], 0.0),
            np.where(filled, window[:, 1] - origin[:, 1:], 0.0),
        )
        self._window[rows] = np.concatenate((x, y), axis=1)
        self._base[rows] += origin[:, 0]
        self._delay[rows] -= origin[:, 1]
        self._smoothed[rows] -= origin[:, 1]
        sums = [x.sum(axis=1), y.sum(axis=1), (x * x).sum(axis=1), (x * y).sum(axis=1)]
        self._sums[rows] = np.stack(sums, axis=1)


def _accumulate(lines: Floats) -> None:
    """Sums up line by line, in place; faster than cumsum along the first axis."""
    for before, after in pairwise(lines):
        after += before
