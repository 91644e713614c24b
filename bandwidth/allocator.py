"""How far up its staircase each receiver is: up late and one layer at a time, down at once.

One row per receiver, the estimator's; many rows share one staircase. A tick looks at all rows at
once and names those whose level has changed.
"""

import math
from typing import Final

import numpy as np

from sfu.bandwidth.columns import Columns
from sfu.bandwidth.estimator import OVERUSE
from sfu.bandwidth.rows import Bools, Floats, Ints
from sfu.bandwidth.staircase import Staircase
from sfu.bandwidth.stairs import UP_MARGIN, Stairs, fits

UP_AFTER: Final = 1.0
"""Seconds for which the path carries UP_MARGIN more than a level costs before it is taken."""
CLIMB: Final = 1 / 3
"""Of what the path carries that levels above bases may cost more at once, but for a single step:
the keyframes of many layers would hold each other up until pictures are seen to stand."""
UP_DWELL: Final = 2.0
"""Seconds between two steps up."""
BASE_AFTER: Final = 0.3
"""Both where bases are missing."""

STEADY_AFTER: Final = 5.0
"""PROBED_MARGIN is enough without a probe, for one step, where it has been so for so many seconds,
unless all probes that met a limit lately found less than the step costs."""
PROBED_DWELL: Final = 0.2
PROBED_FOR: Final = 1.0
"""Seconds for which a probe's word counts."""
SETTLED_AFTER: Final = 1.0
"""Seconds after overuse in which a rising target is no probe's, but what was held back before."""

DOWN_AFTER: Final = 0.3
"""Seconds for which a level may cost more than the path carries."""
BORNE_AFTER: Final = 8.0
"""The same where little is missing, the queue is short, and probes have lately found what the level
costs: a burst may have been all, or jitter. A level that is too much makes a queue long before."""
SHORT_QUEUE_US: Final = 50_000.0
PAUSE_AFTER: Final = 1.5
"""The same before a picture is given up altogether: a queue may drain in less."""
FULL: Final = 0.85
"""Nor is one given up while less than this part of what the path carries arrives."""
OVERUSED: Final = 0.85
"""Not even that long when the path is overused and carries less than this part."""
STANDING_QUEUE_US: Final = 100_000.0
"""Nor when so much stands in its queue; and no step up meanwhile."""

UNDONE_WITHIN: Final = 10.0
"""A step up that had to be taken back within so many seconds was one too many, ..."""
COLLAPSED: Final = 0.6
"""... unless the path carries less than this part of what was there before it: that it would have
carried less anyway is no fault of the step."""
BLOCK_FIRST: Final = 5.0
"""It is not tried again for so many seconds, twice as many each time, unless a probe shows that
the path carries its cost and PROBED_AGAIN of it for each of these seconds."""
PROBED_AGAIN: Final = 0.02
BLOCK_MOST: Final = 60.0
FORGET_AFTER: Final = 60.0
"""Seconds without a step down or a block after which that is forgotten."""

# Without a probe an estimate grows by 8 % a second at the most (goog_cc), or a little more when
# it is very low. What grows faster than this has been measured.
_GROWTH: Final = 0.15
_GROWTH_LEAST: Final = 30_000.0
_JUMP: Final = 1.05

NONE: Final = -1
_NOBODY: Final[Ints] = np.zeros(0, dtype=np.int64)


class Allocator(Columns):
    """Levels of many receivers; all columns mean nothing in rows without a staircase."""

    level: Ints
    """How many steps of its staircase a receiver is given."""
    cost: Floats
    """bit/s of that, sound included."""
    blocked_until: Floats
    """Until then a row stays below `blocked_level`."""
    blocked_level: Ints

    def __init__(self, capacity: int = 64) -> None:
        super().__init__(
            capacity,
            {
                "level": 0,
                "cost": 0.0,
                "blocked_until": -math.inf,
                "blocked_level": 0,
                "_stair": NONE,
                "_bases": 0,
                "_next": math.inf,
                "_next_probed": math.inf,
                "_target": 0.0,
                "_grown": 0.0,
                "_probed_until": -math.inf,
                "_overused_at": -math.inf,
                "_above_since": math.inf,
                "_above_least": math.inf,
                "_steady_since": math.inf,
                "_below_since": math.inf,
                "_up_at": -math.inf,
                "_up_level": 0,
                "_up_from": 0.0,
                "_down_at": -math.inf,
                "_penalty": 0.0,
            },
        )
        self._stair: Ints
        self._bases: Ints
        self._next: Floats
        self._next_probed: Floats
        self._target: Floats
        self._grown: Floats
        self._probed_until: Floats
        self._overused_at: Floats
        self._above_since: Floats
        self._above_least: Floats
        self._steady_since: Floats
        self._below_since: Floats
        self._up_at: Floats
        self._up_level: Ints
        self._up_from: Floats
        self._down_at: Floats
        self._penalty: Floats
        self._stairs = Stairs()
        self._ticked = -math.inf

    def staircase_of(self, row: int) -> Staircase | None:
        """What a row climbs."""
        return self._stairs.kept[self._stair[row]] if self._stair[row] != NONE else None

    def assign(self, rows: Ints, staircase: Staircase) -> None:
        """These rows climb this staircase from now on; those that are new start at its foot.

        Who is shown something that is a level of the new one, too, keeps that, whatever it costs
        now. Others get what they may have for the bit/s that they had. Where there are other
        steps than before, all whose last step is not blocked get what the path carries with ease.
        """
        if not len(rows):
            return
        self._reserve(int(rows.max()) + 1)
        former = self._stair[rows]
        stair = self._stairs.add(staircase, len(rows))
        for old, count in zip(*np.unique(former, return_counts=True), strict=True):
            here = rows[former == old]
            if old == NONE:
                # Ticks have gone over the row while nobody had it.
                self.clear(here)
                continue
            before = self._stairs.kept[old]
            if before.pictures != staircase.pictures:
                self._move(here, before, stair)
            self._stairs.release(old, count)
        self._stair[rows] = stair
        self._settle(rows)

    def release(self, rows: Ints) -> None:
        """These rows have no receiver any more."""
        rows = rows[rows < len(self.level)]
        rows = rows[self._stair[rows] != NONE]
        for old, count in zip(*np.unique(self._stair[rows], return_counts=True), strict=True):
            self._stairs.release(old, count)
        for row in rows.tolist():
            self.clear(row)

    def tick(
        self,
        now: float,
        target: Floats,
        throughput: Floats,
        state: Ints,
        queue_us: Floats,
        shown: Floats,
    ) -> Ints:
        """Takes the estimator's columns, returns the rows whose level has changed."""
        count = len(target)
        self._reserve(count)
        elapsed = min(max(now - self._ticked, 0.0), 1.0)
        self._ticked = now
        climbing = self._stair[:count] != NONE
        overused = state == OVERUSE
        self._target[:count] = target
        self._overused_at[:count][overused] = now
        self._notice_probes(now, target, elapsed)
        down = climbing & self._falls(now, target, throughput, overused, queue_us, shown)
        up = climbing & ~(down | overused | (queue_us > STANDING_QUEUE_US))
        if not np.count_nonzero(down):
            return self._step_up(up, now, shown)
        fallen = self._step_down(np.flatnonzero(down), now)
        return np.concatenate((fallen, self._step_up(up, now, shown)))

    def demand(self, rows: Ints, now: float) -> tuple[Floats, Floats, Floats, Floats]:
        """bit/s for `Estimator.demand`: what levels cost, what a probe must show to take them up,
        what all costs, and the ceiling."""
        cost, level, stairs = self.cost[rows], self.level[rows], self._stair[rows]
        top = self._stairs.top[stairs]
        blocked = (now < self.blocked_until[rows]) & (level + 1 >= self.blocked_level[rows])
        # Believed already, but not so firmly that it would do.
        doubted = blocked | (self._target[rows] >= self._next_probed[rows])
        upwards = np.where(doubted, self._next[rows], self._next_probed[rows])
        upwards = np.where(level < top, upwards, cost)
        return cost, upwards, self._stairs.probed[stairs, top], self._stairs.ceiling[stairs]

    # One tick

    def _notice_probes(self, now: float, target: Floats, elapsed: float) -> None:
        """A target that rises faster than an estimate grows by itself was shown by a probe,
        unless it was held back while a queue drained."""
        count = len(target)
        grown = self._grown[:count]
        grown += (_GROWTH * grown + _GROWTH_LEAST) * elapsed
        np.minimum(grown, target, out=grown)
        jumped = target > _JUMP * grown
        if not np.count_nonzero(jumped):
            return
        grown[jumped] = target[jumped]
        jumped &= now - self._overused_at[:count] > SETTLED_AFTER
        self._probed_until[:count][jumped] = now + PROBED_FOR

    def _falls(
        self,
        now: float,
        target: Floats,
        throughput: Floats,
        overused: Bools,
        queue_us: Floats,
        shown: Floats,
    ) -> Bools:
        count = len(target)
        cost, since = self.cost[:count], self._below_since[:count]
        below = (target < cost) & (self.level[:count] > 0)
        if not np.count_nonzero(below):
            since.fill(math.inf)
            return below
        based = self.level[:count] <= self._bases[:count]
        long = queue_us > STANDING_QUEUE_US
        below &= ~based | (throughput >= FULL * target) | long
        _since(since, below, now)
        far = target < OVERUSED * cost
        hurry = (overused & far) | long
        borne = (cost <= shown) & (shown < math.inf) & ~far & (queue_us < SHORT_QUEUE_US)
        patience = np.where(borne, BORNE_AFTER, DOWN_AFTER)
        patience = np.where(based, PAUSE_AFTER, np.where(hurry, 0.0, patience))
        fallen: Bools = below & (now - since >= patience)
        return fallen

    def _step_down(self, rows: Ints, now: float) -> Ints:
        stairs, old = self._stair[rows], self.level[rows]
        borne = fits(self._stairs.cumulative[stairs], self._target[rows])
        bases = self._bases[rows]
        level = np.minimum(old, np.where(old > bases, np.maximum(borne, bases), borne))
        undone = (now - self._up_at[rows] < UNDONE_WITHIN) & (level < self._up_level[rows])
        undone &= self._target[rows] >= COLLAPSED * self._up_from[rows]
        calm = now - np.maximum(self._down_at[rows], self.blocked_until[rows]) > FORGET_AFTER
        penalty = np.clip(np.where(calm, 0.0, 2 * self._penalty[rows]), BLOCK_FIRST, BLOCK_MOST)
        hit = rows[undone]
        self._penalty[hit] = penalty[undone]
        self.blocked_until[hit] = now + penalty[undone]
        self.blocked_level[hit] = np.minimum(old, self._up_level[rows])[undone]
        self._up_at[hit] = -math.inf
        self._down_at[rows] = now
        self._below_since[rows] = math.inf
        self.level[rows] = level
        self._settle(rows)
        return rows

    def _step_up(self, may: Bools, now: float, shown: Floats) -> Ints:
        count = len(may)
        target, since = self._target[:count], self._above_since[:count]
        # Whoever has enough for a step without a probe has enough for one with it.
        enough = may & (target >= self._next_probed[:count])
        least = self._above_least[:count]
        if not np.count_nonzero(enough):
            for column in (since, least, self._steady_since[:count]):
                column.fill(math.inf)
            return _NOBODY
        above = enough & (target >= self._next[:count])
        least[~above] = math.inf
        np.minimum(least, target, out=least, where=above)
        dwelt = now - self._up_at[:count]
        missing = self.level[:count] < self._bases[:count]
        slow = _since(since, above, now) & (now - since >= np.where(missing, BASE_AFTER, UP_AFTER))
        slow &= dwelt >= np.where(missing, BASE_AFTER, UP_DWELL)
        fast = enough & (now <= self._probed_until[:count]) & (dwelt >= PROBED_DWELL)
        since = self._steady_since[:count]
        steady = _since(since, enough, now) & (now - since >= STEADY_AFTER)
        rows = np.flatnonzero(slow | fast | steady)
        if not len(rows):
            return rows
        stairs, old = self._stair[rows], self.level[rows]
        probed = fits(self._stairs.probed[stairs], target[rows])
        held = fits(self._stairs.needed[stairs], least[rows])
        level = np.maximum(np.where(fast[rows], probed, old), np.where(slow[rows], held, old))
        borne = fits(self._stairs.cumulative[stairs], shown[rows])
        level = np.where(steady[rows] & (borne > old), np.maximum(level, old + 1), level)
        level = np.minimum(level, self._stairs.reach[stairs, old])
        near = fits(self._stairs.cumulative[stairs], self.cost[rows] + CLIMB * target[rows])
        level = np.minimum(level, np.maximum(np.maximum(near, old + 1), self._bases[rows]))
        block = self._stairs.cumulative[stairs, np.minimum(self.blocked_level[rows], level)]
        proof = (1.0 + PROBED_AGAIN * self._penalty[rows]) * block
        proven = fast[rows] & (target[rows] >= np.minimum(proof, self._stairs.ceiling[stairs]))
        blocked = (now < self.blocked_until[rows]) & ~proven
        level = np.where(blocked, np.minimum(level, self.blocked_level[rows] - 1), level)
        rows, level = rows[level > old], level[level > old]
        self._up_from[rows] = self.cost[rows]
        self.level[rows] = level
        self._up_at[rows] = now
        self._up_level[rows] = level
        self._above_since[rows] = self._steady_since[rows] = math.inf
        self._above_least[rows] = math.inf
        self._settle(rows)
        return rows

    # Staircases

    def _move(self, rows: Ints, old: Staircase, stair: int) -> None:
        """To the level that shows the same, or else costs as much; with other steps to more."""
        new = self._stairs.kept[stair]
        levels, which = np.unique(self.level[rows], return_inverse=True)
        same = [new.level_of(old.aims(level)) for level in levels.tolist()]
        found = np.array([NONE if level is None else level for level in same])[which]
        until = self._down_at[rows] + self._penalty[rows]
        easy = np.where(self._ticked < until, 0.0, self._target[rows] / UP_MARGIN)
        easy = np.where(old.pictures[1] != new.pictures[1], easy, 0.0)
        spend = np.maximum(np.where(found == NONE, self.cost[rows], 0.0), easy)
        level = np.maximum(fits(self._stairs.cumulative[stair][None, :], spend), found)
        moved = level - self.level[rows]
        # Of those that are not blocked it means nothing; steps that they take do not move it back.
        self.blocked_level[rows] = np.maximum(self.blocked_level[rows] + moved, 1)
        self._up_level[rows] += moved
        others = rows[level != found]
        self.blocked_until[others] = self._up_at[others] = -math.inf
        self.level[rows] = level

    def _settle(self, rows: Ints) -> None:
        """What a level costs and what the next one needs, for rows that have moved."""
        stairs, level = self._stair[rows], self.level[rows]
        self.cost[rows] = self._stairs.cumulative[stairs, level]
        # Beyond the top there is one more column, of infinity.
        self._bases[rows] = self._stairs.bases[stairs]
        self._next[rows] = self._stairs.needed[stairs, level + 1]
        self._next_probed[rows] = self._stairs.probed[stairs, level + 1]

    def _reserve(self, count: int) -> None:
        if count > len(self.level):
            self.grow(max(count, 2 * len(self.level)))


def _since(since: Floats, holds: Bools, now: float) -> Bools:
    """Keeps since when something holds, in place; infinity where it does not. Returns `holds`."""
    since[~holds] = math.inf
    np.minimum(since, now, out=since, where=holds)
    return holds
