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
_WRAPPED: Final = np.arange(WINDOW + BLOCK) % WINDOW
"""Places in the window's ring; a table, since remainders take far longer."""


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
        count, base = self._count[rows], self._base[rows]
        number = None
        if count.min() < DELTAS_THAT_COUNT:
            number = np.minimum(block.spread(count) + block.number + 1, MOST_DELTAS)
            base = np.where(np.isnan(base), block.arrival[block.first], base)
        x, y = block.arrival - block.spread(base), self._smooth(rows, block)
        slope = self._fit(rows, block, x, y, number)
        self._detect(rows, block, slope, number)
        self._count[rows] = np.minimum(count + block.counts, MOST_DELTAS)
        self._base[rows] = base
        # Not all rows in the same tick, nor a few in each.
        newest, limit = x.take(block.last), _REBASE_MS + _REBASE_APART_MS * (rows % 4)
        back = newest < 0.0
        if np.count_nonzero(back | (newest >= limit)):
            self._rebase(rows[back | (newest >= limit - _REBASE_APART_MS)])

    def _smooth(self, rows: Ints, block: Block) -> Floats:
        """The accumulated delay, smoothed."""
        delay = block.variation
        delay[block.first] += self._delay[rows]
        for here, before in block.steps:
            delay[here] += delay[before]
        smoothed = (1.0 - SMOOTHING) * delay
        smoothed[block.first] += SMOOTHING * self._smoothed[rows]
        for here, before in block.steps:
            smoothed[here] += SMOOTHING * smoothed[before]
        self._delay[rows], self._smoothed[rows] = delay.take(block.last), smoothed.take(block.last)
        return smoothed

    def _fit(self, rows: Ints, block: Block, x: Floats, y: Floats, number: Ints | None) -> Floats:
        """Slopes over the window once each point is in; the last one until the window is full.
        `number` says how many points there have been, None for many."""
        at = self._at[rows]
        cell = _WRAPPED.take(block.spread(at) + block.number)
        cell += block.spread(2 * WINDOW * rows)
        other = cell + WINDOW
        window = self._window.reshape(-1)
        old_x, old_y = window.take(cell), window.take(other)
        lines = [block.first, *(here for here, _ in block.steps)]
        for here, gone in zip(lines[WINDOW:], lines, strict=False):
            # What leaves the window came in with the same block.
            same = slice(gone.start, gone.start + here.stop - here.start)
            old_x[here], old_y[here] = x[same], y[same]
        sums = np.empty((4, len(x)))
        np.subtract(x, old_x, out=sums[0])
        np.subtract(y, old_y, out=sums[1])
        np.subtract(x * x, old_x * old_x, out=sums[2])
        old_y *= old_x
        np.subtract(x * y, old_y, out=sums[3])
        sums[:, block.first] += self._sums[rows].T
        for here, before in block.steps:
            sums[:, here] += sums[:, before]
        self._sums[rows] = sums[:, block.last].T
        self._at[rows] = _WRAPPED.take(at + block.counts)
        # Of two in the same place the later one stays.
        window[cell], window[other] = x, y
        sx, sy, spread, slope = sums
        spread *= WINDOW
        spread -= sx * sx
        slope *= WINDOW
        slope -= np.multiply(sx, sy, out=sy)
        fitted = spread > 1e-3
        if number is not None:
            fitted &= number >= WINDOW
        if np.count_nonzero(fitted) == len(fitted):
            slope /= spread
            return slope
        slope = np.divide(slope, spread, where=fitted, out=np.zeros(len(x)))
        np.copyto(slope[block.first], self.slope[rows], where=~fitted[block.first])
        for here, before in block.steps:
            np.copyto(slope[here], slope[before], where=~fitted[here])
        return slope

    def _detect(self, rows: Ints, block: Block, slope: Floats, number: Ints | None) -> None:
        weight = DELTAS_THAT_COUNT if number is None else np.minimum(number, DELTAS_THAT_COUNT)
        trend = slope * weight
        trend *= GAIN
        threshold = self._adapt(rows, block, np.abs(trend), number)
        newest = trend.take(block.last)
        state = np.where(newest < -threshold.take(block.last), UNDERUSE, NORMAL)
        above, calm = trend > threshold, rows
        if np.count_nonzero(above):
            judged = self._judge(rows, block, slope, above, trend < -threshold)
            still = above.take(block.last)
            np.copyto(state, judged, where=still)
            calm = rows[~still]
        former = calm[self._over_ms[calm] >= 0.0]
        if len(former):
            self._over_ms[former] = -1.0
            self._over[former] = self.detections[former] = 0
        self.state[rows] = state
        self.slope[rows], self.trend[rows] = slope.take(block.last), newest

    def _judge(self, rows: Ints, block: Block, slope: Floats, above: Bools, below: Bools) -> Ints:
        """State of each row after its last delta above the threshold; as it was before the first of
        such deltas in a row until overuse is sure. Only these deltas are looked at."""
        over_ms, over = self._over_ms[rows], self._over[rows]
        state, detections = self.state[rows], self.detections[rows]
        at = np.flatnonzero(above)
        place, sent = block.place.take(at), block.send_delta.take(at)
        rises = (slope >= block.before(slope, self.slope[rows])).take(at)
        begun = ~block.before(above, over_ms >= 0.0).take(at)
        otherwise: Ints = np.where(below, UNDERUSE, NORMAL)
        before = block.before(otherwise, state).take(at)
        lasted = np.where(begun, sent / 2.0, sent)
        lines = [line.stop for line in (block.first, *(here for here, _ in block.steps))]
        bounds = np.searchsorted(at, lines).tolist()
        for line in (slice(*ends) for ends in pairwise((0, *bounds)) if ends[0] < ends[1]):
            here, new = place[line], begun[line]
            if np.count_nonzero(new):
                first = here[new]
                over_ms[first] = 0.0
                over[first] = detections[first] = 0
                state[first] = before[line][new]
            longer, count = over_ms[here] + lasted[line], over[here]
            over_ms[here], over[here] = longer, count + 1
            found = (longer > OVERUSE_MS) & rises[line] & (count > 0)
            if np.count_nonzero(found):
                sure = here[found]
                over_ms[sure] = 0.0
                over[sure] = 0
                detections[sure] += 1
                state[sure] = OVERUSE
        self._over_ms[rows], self._over[rows] = over_ms, over
        self.detections[rows] = detections
        return state

    def _adapt(self, rows: Ints, block: Block, size: Floats, number: Ints | None) -> Floats:
        """The threshold that each slope is held against."""
        first, arrival = block.first, block.arrival
        elapsed = np.empty(len(size))
        np.subtract(arrival, block.before(arrival, self._adapted[rows]), out=elapsed)
        np.maximum(elapsed, 0.0, out=elapsed)
        np.minimum(elapsed, ADAPT_STEP_MS, out=elapsed)
        newest = arrival.take(block.last)
        if number is not None:
            # Nothing was adapted yet.
            elapsed[number < 3] = 0.0
            newest = np.where(number.take(block.last) >= 2, newest, math.inf)
        self._adapted[rows] = newest
        held, most = self.threshold[rows], float(size.max())
        if most <= THRESHOLD_LEAST and float(held.max()) <= THRESHOLD_LEAST:
            return block.spread(held)
        # Below the threshold the faster gain is the smaller change, too.
        slow, fast = ADAPT_UP * elapsed, ADAPT_DOWN * elapsed
        beyond = most > THRESHOLD_LEAST + ADAPT_WITHIN
        after, before = np.empty(len(size)), held
        for here in (first, *(here for here, _ in block.steps)):
            before = before[: here.stop - here.start]
            away = size[here] - before
            change = np.minimum(away * slow[here], away * fast[here])
            if beyond:
                change *= away <= ADAPT_WITHIN
            change += before
            np.maximum(change, THRESHOLD_LEAST, out=after[here])
            before = after[here]
            if most > THRESHOLD_MOST:
                np.minimum(before, THRESHOLD_MOST, out=before)
        self.threshold[rows] = after.take(block.last)
        return block.before(after, held)

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
