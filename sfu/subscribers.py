"""What the paths of one worker's receiving transports carry, and how far up each one's staircase
its receiver is.

Columns all the way: Python sees a receiver only when its level changes.
"""

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
import structlog

from sfu.bandwidth.allocator import Allocator
from sfu.bandwidth.columns import Columns
from sfu.bandwidth.estimator import Estimator
from sfu.bandwidth.paths import Path, Paths, share
from sfu.bandwidth.quality import Quality
from sfu.bandwidth.rows import (
    ABORT_PROBES,
    AT_LEISURE,
    DELTA,
    FEEDBACK,
    RATES,
    REMB,
    REPORT,
    SILENT,
    TRANSPORT_WIDE,
    Bools,
    Floats,
    Ints,
    Records,
)
from sfu.bandwidth.staircase import Staircase
from sfu.bandwidth.stairs import PROBED_MARGIN
from sfu.bandwidth.starts import START, Starts
from sfu.bandwidth.stills import Freezes, Stills
from sfu.bandwidth.tally import Tally

MUTE_AFTER: Final = 4
"""Half seconds of media without an answer after which a receiver is taken for one that never
gives any: it gets all that the room's budget allows."""

QUIET: Final = 0.25
"""Seconds between two ticks of which nothing is to be told: probes and dwelling go on by them."""
CLIMBING: Final = 0.09
"""The same while somebody could be given more: two ticks of the daemon, or a bit less."""
IDLE: Final = 1.0
"""The same while there are no pictures, or all have all of them with ease."""

SCORE_EVERY: Final = 1.0
"""Seconds that are scored at once."""

ANEW_AFTER: Final = 5.0
"""Seconds between two times that all begin anew after a fault of ours."""

_NO_RATES: Final = np.zeros(0, dtype=RATES)
_ANSWERS: Final = TRANSPORT_WIDE | REMB | REPORT
log = structlog.get_logger()


class Standing(NamedTuple):
    """Of one receiver, bit/s: what its path carries, what it is given, all that it could be."""

    available: int
    given: int
    wanted: int


class Subscribers:
    """Transports become known by `assign` and take part from `open` to `close`."""

    def __init__(self, remembered: int = 0) -> None:
        """`remembered` networks are known by what paths there have carried."""
        self.estimator = Estimator()
        self.allocator = Allocator()
        self.quality = Quality()
        self.stills = Stills()
        self.tally = Tally()
        self.level_changes = 0
        self._scored_at: float | None = None
        self._row: dict[int, int] = {}
        self._waiting: dict[int, Staircase] = {}
        self._silent = _Silent()
        self._starts = Starts(remembered)
        self._pause = QUIET
        """Until the next tick, if nothing comes of this one."""
        self._due = -math.inf
        """When to work without news: at once after a change, or there is more to come of it."""
        self._anew_at = -math.inf

    def __len__(self) -> int:
        return len(self._row)

    def open(self, transport: int, now: float, address: str | None = None) -> None:
        """Media may flow to this address; nothing is done for one that receives nothing."""
        staircase = self._waiting.pop(transport, None)
        if staircase is not None:
            if self._starts.wants_news(now):
                self._starts.look(self.estimator.estimate[self._heard()], now)
            self._begin(transport, now, self._starts.start(staircase, address, now))
            self.assign([transport], staircase)

    def close(self, transport: int, now: float, address: str | None = None) -> None:
        """It is gone, or never came to be."""
        self._waiting.pop(transport, None)
        row = self._row.pop(transport, None)
        if row is not None:
            if self._heard()[row]:
                self._starts.learn(address, float(self.estimator.estimate[row]), now)
            self.allocator.release(np.array([row]))
            self.estimator.remove(transport)
            self.quality.clear(row)
            self.stills.clear(row)

    def assign(self, transports: Iterable[int], staircase: Staircase) -> None:
        """What these receivers climb from now on."""
        self._due = -math.inf
        rows = []
        for transport in transports:
            row = self._row.get(transport)
            if row is None:
                self._waiting[transport] = staircase
            else:
                rows.append(row)
        self.allocator.assign(np.array(rows, dtype=np.int64), staircase)

    def level(self, transport: int) -> int | None:
        """How many steps a receiver is given; None while its path is not up."""
        row = self._row.get(transport)
        return None if row is None else int(self.allocator.level[row])

    def standing(self, transport: int) -> Standing | None:
        """None while its path is not up."""
        row = self._row.get(transport)
        staircase = None if row is None else self.allocator.staircase_of(row)
        if row is None or staircase is None:
            return None
        wanted = min(float(staircase.cumulative[-1]), staircase.ceiling)
        cost = float(self.allocator.cost[row])
        return Standing(round(float(self.estimator.target[row])), round(cost), round(wanted))

    def path(self, transport: int) -> Path | None:
        """None while it is not up."""
        found = self.paths([transport])
        return found.of(0) if len(found.silent) else None

    def paths(self, transports: Iterable[int] | None = None) -> Paths:
        """Those of these transports that are up, or of all."""
        known = self._row.keys() if transports is None else transports
        rows = np.array([self._row[each] for each in known if each in self._row], dtype=np.int64)
        estimator = self.estimator
        return Paths(
            estimate=estimator.estimate[rows],
            target=estimator.target[rows],
            given=estimator.allocated[rows],
            wanted=self._wanted(rows),
            arriving=estimator.throughput[rows],
            round_trip_us=estimator.round_trip_us[rows],
            queue_us=estimator.queue_us[rows],
            loss=estimator.loss[rows],
            silent=self.quality.silent[rows],
            freezes=self.stills.count[rows],
            frozen=self.stills.seconds[rows],
        )

    @property
    def paced(self) -> int:
        """Receivers whose pictures leave packet by packet, near what their path carries."""
        return int(np.count_nonzero(self.estimator.active & ~self.estimator.in_whole()))

    def take_score(self, transport: int) -> tuple[float, float]:
        """(sum of scores, seconds) since the last call."""
        row = self._row.get(transport)
        return (0.0, 0.0) if row is None else self.quality.take(row)

    def freezes(self, transport: int) -> Freezes:
        """How pictures have stood still since the path is up."""
        row = self._row.get(transport)
        return Freezes() if row is None else self.stills.of(row)

    def tick(self, now: float, feedback: bytes, deltas: bytes) -> tuple[bytes, list[int]]:
        """Takes what `Worker.feedback` gave; returns what `Worker.set_rates` takes, and the
        transports whose level has changed.

        A fault of ours may lie in the numbers of a single row, and would come again with each tick:
        then all begin anew.
        """
        try:
            return self._advance(now, feedback, deltas)
        except Exception:
            log.exception("rates not advanced", bounded=True)
        if now - self._anew_at < ANEW_AFTER:
            return b"", []
        self._anew_at = now
        self._begin_anew(now)
        return b"", list(self._row)

    def _advance(self, now: float, feedback: bytes, deltas: bytes) -> tuple[bytes, list[int]]:
        if not feedback and now < self._due:
            return b"", []
        news = np.frombuffer(feedback, dtype=FEEDBACK)
        if not self._row:
            self.tally.add(news, _NO_RATES)
            self._due = now + QUIET
            return b"", []
        self._hear(news, now)
        self._score(now)
        rates = self.estimator.tick(now, news, np.frombuffer(deltas, dtype=DELTA))
        estimator, allocator = self.estimator, self.allocator
        mute: Bools = (self._silent.halves >= MUTE_AFTER) & estimator.active
        target: Floats = np.where(mute, estimator.ceiling, estimator.target)
        changed = allocator.tick(
            now,
            target,
            estimator.throughput,
            estimator.state,
            estimator.queue_us,
            estimator.shown,
        )
        self.level_changes += len(changed)
        self._demand(now)
        if np.count_nonzero(mute):
            rates = self._free(rates, mute)
        self.tally.add(news, rates)
        self._due = now if len(rates) or len(changed) else now + self._pause
        return rates.tobytes(), estimator.transport[changed].tolist()

    def _begin(self, transport: int, now: float, start: float) -> None:
        self.estimator.add(transport, now, start=start)
        row = self._row[transport] = int(self.estimator.rows_of(np.array([transport]))[0])
        if len(self.estimator.target) > len(self._silent.halves):
            self._silent.grow(len(self.estimator.target))
            self.quality.grow(len(self.estimator.target))
            self.stills.grow(len(self.estimator.target))
        self._silent.clear(row)

    def _begin_anew(self, now: float) -> None:
        """As if all had just come, with what their paths are believed to carry."""
        former, self.allocator = self.allocator, Allocator()
        for transport, row in list(self._row.items()):
            try:
                estimate, staircase = float(self.estimator.estimate[row]), former.staircase_of(row)
                self._begin(transport, now, estimate if math.isfinite(estimate) else START)
                if staircase is not None:
                    self.assign([transport], staircase)
            except Exception:
                # The others do not go without for the one that it is about.
                log.exception("receiver not begun anew", transport=transport, bounded=True)

    def _heard(self) -> Bools:
        """Whose path has said what it carries, by row."""
        heard: Bools = self.estimator.active & (self.estimator.throughput > 0.0)
        return heard

    def _hear(self, news: Records, now: float) -> None:
        """Counts silences. Who was taken for mute and speaks begins anew, with what it has been
        given so far unless it can tell more exactly."""
        rows, flags = self.estimator.rows_of(news["transport"].astype(np.int64)), news["flags"]
        self.stills.add(rows, news)
        known = rows >= 0
        if np.count_nonzero(known) < len(rows):
            rows, flags = rows[known], flags[known]
        halves = self._silent.halves
        halves[rows[(flags & SILENT) != 0]] += 1
        answered = (flags & _ANSWERS) != 0
        self.quality.hear(rows[answered], rows[(flags & SILENT) != 0])
        for row in rows[answered & (halves[rows] >= MUTE_AFTER)].tolist():
            exact = bool(np.any((rows == row) & ((flags & TRANSPORT_WIDE) != 0)))
            start = START if exact else float(self.allocator.cost[row])
            # A row that is given back is the first to be used again: the level stays.
            self._begin(int(self.estimator.transport[row]), now, start)
        halves[rows[answered]] = _NEVER

    def _score(self, now: float) -> None:
        since, self._scored_at = self._scored_at, now
        if since is None or now - since < SCORE_EVERY:
            self._scored_at = now if since is None else since
            return
        estimator = self.estimator
        self.quality.advance(
            min(now - since, 2 * SCORE_EVERY),
            estimator.active,
            round_trip_us=estimator.round_trip_us,
            queue_us=estimator.queue_us,
            loss=estimator.loss,
            share=share(estimator.allocated, self._wanted(slice(None))),
        )

    def _wanted(self, rows: Ints | slice) -> Floats:
        """bit/s of all that is looked at, without the margin that probes aim at."""
        wanted = self.estimator.wanted[rows] / PROBED_MARGIN
        found: Floats = np.maximum(wanted, self.estimator.allocated[rows])
        return found

    def _demand(self, now: float) -> None:
        rows: Ints = np.flatnonzero(self.estimator.active)
        allocated, next_step, wanted, ceiling = self.allocator.demand(rows, now)
        if np.any(next_step > allocated):
            self._pause = CLIMBING
        elif np.any(self.allocator.level[rows] > 0) and not np.all(self.estimator.leisurely[rows]):
            self._pause = QUIET
        else:
            self._pause = IDLE
        self.estimator.demand(
            rows, allocated=allocated, next_step=next_step, wanted=wanted, ceiling=ceiling
        )

    def _free(self, rates: Records, mute: Bools) -> Records:
        """For mute receivers no estimate, no pacing and no probes; their silence is no news."""
        told = self._silent.told
        rows = np.flatnonzero(mute & (told != self.estimator.ceiling))
        told[rows] = self.estimator.ceiling[rows]
        free = np.zeros(len(rows), dtype=RATES)
        free["transport"] = self.estimator.transport[rows]
        free["flags"] = ABORT_PROBES | AT_LEISURE
        free["target_bps"] = np.minimum(told[rows], 0xFFFF_FFFF)
        free["ceiling_bps"] = free["target_bps"]
        estimated = ~np.isin(rates["transport"], self.estimator.transport[mute])
        return np.concatenate((rates[estimated], free))


_NEVER: Final = -(1 << 62)
"""Silences of who has answered once: its path is estimated for good."""


class _Silent(Columns):
    """Half seconds of silence of each row, and the rate that it was told as a mute one."""

    halves: Ints
    told: Floats

    def __init__(self) -> None:
        super().__init__(0, {"halves": 0, "told": 0.0})
