"""What each subscriber's path carries: columns for all transports, one tick for all of them."""

import math
from typing import Final

import numpy as np

from sfu.bandwidth.ample_probing import PROOF
from sfu.bandwidth.application_limited import ApplicationLimited
from sfu.bandwidth.back_off import BackOff
from sfu.bandwidth.clusters import RATIO_SATURATED, measured
from sfu.bandwidth.columns import Columns
from sfu.bandwidth.delay import DelayControl
from sfu.bandwidth.fallback import Fallback
from sfu.bandwidth.index import Index
from sfu.bandwidth.leisure import at_leisure
from sfu.bandwidth.loss import BY_DELAY, INCREASING, Loss
from sfu.bandwidth.observations import READY
from sfu.bandwidth.pacing import AMPLE, CUT_LATELY, Pacing, factors, room
from sfu.bandwidth.partial import Partial
from sfu.bandwidth.probing import Probing, Situation
from sfu.bandwidth.rows import (
    AT_LEISURE,
    FEEDBACK,
    PROBED,
    RATES,
    START_PROBE,
    TRANSPORT_WIDE,
    Bools,
    Floats,
    Ints,
    Records,
    within,
)
from sfu.bandwidth.shown import Shown
from sfu.bandwidth.step_probing import StepProbing
from sfu.bandwidth.trendline import NORMAL, OVERUSE, UNDERUSE
from sfu.bandwidth.tuning import Tuning

__all__ = ["NORMAL", "OVERUSE", "UNDERUSE", "Estimator", "no_feedback"]

LEAST_RATE: Final = 30_000.0
"""bit/s; below this not even sound gets through."""
MOST_RATE: Final = 4e9
"""bit/s; rates go down as 32-bit numbers."""
_ALL: Final = slice(None)
_NO_RATES: Final[Records] = np.zeros(0, dtype=RATES)
BRAKE_MS: Final = 150.0
"""Of queue, from which on the plane hears of the rates with each feedback."""


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
    queued_us: Floats
    """Age of what waits longest in the pacer."""
    round_trip_us: Floats
    loss: Floats
    """Fraction of bytes that do not arrive."""
    limited_by_loss: Bools
    estimate: Floats
    """bit/s that the path is believed to carry, whatever the ceiling."""
    shown: Floats
    """The most that probes have lately shown it to carry, infinite where none has met a limit."""
    ceiling: Floats
    allocated: Floats
    next_step: Floats
    wanted: Floats
    leisurely: Bools
    """Whose feedback may wait."""

    _heard: Bools
    _told_leisurely: Bools

    def __init__(self, capacity: int = 64, tuning: Tuning | None = None) -> None:
        super().__init__(
            capacity,
            {
                "transport": 0,
                "active": False,
                "target": 0.0,
                "state": NORMAL,
                "throughput": 0.0,
                "queue_us": 0.0,
                "queued_us": 0.0,
                "round_trip_us": 0.0,
                "loss": 0.0,
                "limited_by_loss": False,
                "estimate": 0.0,
                "shown": math.inf,
                "ceiling": math.inf,
                "allocated": 0.0,
                "next_step": 0.0,
                "wanted": 0.0,
                "leisurely": False,
                "_heard": False,
                "_told_leisurely": False,
            },
        )
        self._tuning = tuning or Tuning()
        self._index = Index(capacity)
        self._delay = DelayControl(capacity, self._tuning)
        self._loss = Loss(capacity)
        self._limited = ApplicationLimited(capacity)
        self._partial = Partial(capacity)
        self._back_off = BackOff(capacity)
        self._fallback = Fallback(capacity)
        self._pacing = Pacing(capacity)
        self._shown = Shown(capacity)
        self._probing = StepProbing(capacity) if self._tuning.step_probing else Probing(capacity)
        self._tables: tuple[Columns, ...] = (
            self._delay,
            self._loss,
            self._limited,
            self._partial,
            self._back_off,
            self._fallback,
            self._pacing,
            self._shown,
            self._probing,
        )

    def add(
        self, transport: int, now: float, *, start: float = 300_000.0, ceiling: float = math.inf
    ) -> None:
        """A new transport, believed to carry `start` bit/s. One that is known begins anew."""
        self.remove(transport)
        if self._index.full():
            self._index.grow(2 * self._index.capacity)
            for table in (self, *self._tables):
                table.grow(self._index.capacity)
        row = self._index.add(transport)
        for table in (self, *self._tables):
            table.clear(row)
        start = min(max(start, LEAST_RATE), MOST_RATE)
        self.transport[row] = transport
        self.active[row] = True
        self.ceiling[row] = ceiling
        self.estimate[row] = self._delay.aimd.rate[row] = self._fallback.rate[row] = start
        self.target[row] = min(start, ceiling)
        self._delay.aimd.changed_at[row] = now

    def remove(self, transport: int) -> None:
        row = self._index.remove(transport)
        if row is not None:
            self.active[row] = False

    def in_whole(self) -> Bools:
        """Rows whose pictures leave in whole, for their paths were never seen to be full."""
        return self._pacing.in_whole()

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
        if len(feedback):
            self._take(now, feedback, deltas)
        np.minimum(self.estimate, self.ceiling, out=self.target)
        self.shown[:] = self._shown.most(now)
        if self._tuning.drain:
            lately = now - self._delay.aimd.decreased_at < CUT_LATELY
            if np.count_nonzero(lately):
                self.target[lately] *= room(self.queued_us[lately])
                rows, layers = self._delay.drain.layers(now)
                self.target[rows] = np.minimum(self.target[rows], layers)
        ample = self._ample()
        self._probe(now, ample)
        return self._commands(now, ample)

    def _take(self, now: float, feedback: Records, deltas: Records) -> None:
        rows, news, first = self._known(feedback)
        heard = (news["flags"] & TRANSPORT_WIDE) != 0
        wide = _where(heard, rows, news, first)
        if len(wide[0]):
            self._hear(*wide, deltas, now)
        if len(wide[0]) < len(rows):
            self._hear_else(rows[~heard], news[~heard], now)
        self._conclude(rows, self._heard[rows])

    def _known(self, feedback: Records) -> tuple[Ints, Records, Ints]:
        """Dense rows, news and first deltas of transports that are known, the last word of each."""
        counts = feedback["deltas"].astype(np.int64)
        first = np.cumsum(counts) - counts
        rows = self._index.rows_of(feedback["transport"].astype(np.int64))
        # One place more, for those that are not known.
        last = np.empty(self._index.capacity + 1, dtype=np.int64)
        last[rows] = np.arange(len(rows))
        kept = (rows >= 0) & (last[rows] == np.arange(len(rows)))
        return _where(kept, rows, feedback, first)

    def _hear(self, rows: Ints, news: Records, first: Ints, deltas: Records, now: float) -> None:
        """Transport-wide feedback, in the order of goog_cc: usage, delay, rate, loss."""
        covered = self._partial.covered(rows, news)
        throughput = np.minimum(news["throughput_bps"] / covered, MOST_RATE)
        arrived = throughput > 0.0
        self.throughput[rows[arrived]] = throughput[arrived]
        round_trip = news["round_trip_us"].astype(np.float64)
        timed = round_trip > 0.0
        self.round_trip_us[rows[timed]] = round_trip[timed]
        sent = news["sent_bytes"].astype(np.float64)
        sent += news["sent_rtx_bytes"]
        sent += news["sent_padding_bytes"]
        self._limited.update(rows, now, 8.0 * sent, self.estimate[rows])
        unavoidable = self._loss.unavoidable[rows]
        probed = self._probed(rows, news, now)
        self._delay.update(rows, now, news, first, deltas, throughput, probed, unavoidable, covered)
        self.state[rows] = self._delay.state[rows]
        self.queue_us[rows] = news["delay_min_us"]
        self.queued_us[rows] = news["queued_us"]
        innocent = self._delay.queue.hold(rows) if self._tuning.uncorrelated_loss else None
        if self._delay.queue.somebody_crowded(now):
            crowded = self._delay.crowded(rows, now)
            # Nobody's layers shall suffer from a queue that is somebody else's.
            self.queue_us[rows[crowded]] = 0.0
            if innocent is not None:
                innocent = np.where(crowded, math.inf, innocent)
        self._loss.update(
            rows,
            news,
            self._delay.aimd.rate[rows],
            throughput,
            self._limited.limited[rows],
            self.ceiling[rows],
            self._delay.queue.queue[rows],
            innocent,
        )
        if self._tuning.drain:
            self._loss.forgive(rows[self._delay.drained[rows]])
        self.loss[rows] = self._loss.average[rows]
        self._heard[rows] = True
        self._back_off.update(rows, news, now, self.estimate[rows])

    def _hear_else(self, rows: Ints, news: Records, now: float) -> None:
        """Rows without transport-wide feedback: late results, silence, other receivers."""
        late = (news["flags"] & PROBED) != 0
        probed = self._probed(rows[late], news[late], now)
        self._delay.probe(rows[late], now, self.throughput[rows[late]], probed)
        wide = self._heard[rows]
        self._back_off.update(rows[wide], news[wide], now, self.estimate[rows[wide]])
        plain = rows[~wide]
        self._fallback.update(plain, news[~wide], now, self.next_step[plain])

    def _probed(self, rows: Ints, news: Records, now: float) -> Floats:
        """bit/s that clusters found which came to an end; 0 for none."""
        ended = (news["flags"] & PROBED) != 0
        if not np.count_nonzero(ended):
            return np.zeros(len(rows))
        # What is lost anyway came through the bottleneck, or would have.
        rate = measured(news, close=self._tuning.drain) / (1.0 - self._loss.unavoidable[rows])
        self._probing.result(rows[ended], now, news["probe"][ended], rate[ended])
        sent = news["probe_send_bps"][ended]
        self._shown.learn(rows[ended], now, rate[ended], sent)
        if self._tuning.step_probing:
            self._disprove(rows[ended], rate[ended], sent)
        return rate

    def _disprove(self, rows: Ints, rate: Floats, sent: Floats) -> None:
        """A path that carries far more than is wanted, and shows no limit, was not full."""
        unlimited = (rate > RATIO_SATURATED * sent) & (self.wanted[rows] > 0.0)
        unlimited &= rate >= PROOF * self.wanted[rows]
        self._delay.aimd.link.disproved(rows[unlimited], rate[unlimited])

    def _conclude(self, rows: Ints, wide: Bools) -> None:
        """The least of what delay, losses, answers and the receiver allow."""
        ready = self._loss.observations.count[rows] >= READY
        by_loss = np.where(ready, self._loss.limit[rows], math.inf)
        rate = np.minimum(
            np.minimum(self._delay.aimd.rate[rows], by_loss), self._back_off.limit[rows]
        )
        self.limited_by_loss[rows] = wide & (by_loss < self._delay.aimd.rate[rows])
        if np.count_nonzero(wide) < len(rows):
            plain = rows[~wide]
            rate[~wide] = self._fallback.rate[plain]
            self.loss[plain] = self._fallback.loss[plain]
        self.estimate[rows] = within(rate, LEAST_RATE, MOST_RATE)

    def _ample(self) -> Bools:
        """Where the path carries all that is asked for, and was never seen to be full."""
        ample: Bools = self._delay.aimd.link.unknown() & (self.next_step <= self.allocated)
        ample &= self.estimate >= AMPLE * np.maximum(self.wanted, self.allocated)
        return ample

    def _probe(self, now: float, ample: Bools) -> None:
        rows = np.flatnonzero(self.active)
        fit = self._delay.at_rest(rows) & (self._loss.state[rows] == BY_DELAY)
        fit &= self._heard[rows] & np.isinf(self._back_off.limit[rows])
        if self._tuning.standing_queue:
            fit &= ~self._delay.queue.holds(rows, now) & ~self._delay.crowded(rows, now)
        situation = Situation(
            estimate=self.estimate[rows],
            fit=fit,
            recovered=self._delay.recovered[rows],
            throughput=self.throughput[rows],
            limited=self._limited.limited[rows],
            limited_since=self._limited.since[rows],
            limited_until=self._limited.ended_at[rows],
            allocated=self.allocated[rows],
            next_step=self.next_step[rows],
            wanted=self.wanted[rows],
            ceiling=self.ceiling[rows],
            round_trip=self.round_trip_us[rows] / 1e6,
            jitter=self._delay.queue.jitter[rows] / 1e3,
            ample=ample[rows],
            waited=self.queued_us[rows] / 1e6,
            unanswered=np.isfinite(self._back_off.limit[rows]),
        )
        self._probing.update(rows, now, situation)
        self._delay.recovered[rows] = False
        if self._tuning.step_probing:
            lowered_at = self._delay.aimd.decreased_at[rows]
            self.leisurely[rows] = at_leisure(now, situation, self._heard[rows], lowered_at)

    def _commands(self, now: float, ample: Bools) -> Records:
        """RATES of rows with a probe to start, or whose rates have changed."""
        clusters, delay = self._probing.clusters, self._delay
        padding = self.target * ((self._loss.state == INCREASING) & (self.state == NORMAL))
        queued = delay.queue.holds(_ALL, now) & self._tuning.drain
        # Not the target: bursts are for the path to bear, budgets for the allocation to keep.
        near = delay.aimd.link.near(self.estimate) & self._tuning.drain
        pacing = factors(self._heard, ample, near, queued)
        pacing *= self.estimate
        if np.count_nonzero(delay.drain.active):
            draining = np.flatnonzero(delay.drain.active)
            sending = np.minimum(delay.drain.sending(draining), self.estimate[draining])
            pacing[draining] = sending
        changed = self._pacing.news(self.target, pacing, padding, self.ceiling)
        changed |= clusters.waiting() | (self.leisurely != self._told_leisurely)
        # The plane brakes by itself when delays are long and nobody seems to care.
        changed |= (delay.queue.queue > BRAKE_MS) & (delay.heard_at == now)
        changed &= self.active
        if not np.count_nonzero(changed):
            return _NO_RATES
        rows = np.flatnonzero(changed)
        self._pacing.told(rows, self.target, pacing, padding, self.ceiling)
        rates = np.zeros(len(rows), dtype=RATES)
        rates["transport"] = self.transport[rows]
        rates["flags"] = AT_LEISURE * self.leisurely[rows]
        self._told_leisurely[rows] = self.leisurely[rows]
        rates["target_bps"] = self.target[rows]
        rates["pacing_bps"] = within(pacing[rows], LEAST_RATE, MOST_RATE)
        rates["padding_bps"] = padding[rows]
        ceiling = self.ceiling[rows]
        rates["ceiling_bps"] = np.where(ceiling <= MOST_RATE, ceiling, 0.0)
        clusters.start(rows, rates)
        return rates


def _where(which: Bools, rows: Ints, news: Records, first: Ints) -> tuple[Ints, Records, Ints]:
    """The rows in question; no copy is made of all of them."""
    if np.count_nonzero(which) == len(which):
        return rows, news, first
    return rows[which], news[which], first[which]


def no_feedback() -> Records:
    """Feedback of a tick without news."""
    return np.zeros(0, dtype=FEEDBACK)


def probes(rates: Records) -> Bools:
    """Which RATES rows start a probe."""
    started: Bools = (rates["flags"] & START_PROBE) != 0
    return started
