"""The rate that delay allows: detector, queue, drain and rate control, in the order they act."""

import math
from typing import Final

import numpy as np

from sfu.bandwidth.aimd import HEADROOM, Aimd
from sfu.bandwidth.arrivals import Arrivals
from sfu.bandwidth.columns import Columns
from sfu.bandwidth.competing import Competing
from sfu.bandwidth.drain import RESUME, Drain, resume
from sfu.bandwidth.groups import Groups
from sfu.bandwidth.rows import RESET, Bools, Floats, Ints, Records
from sfu.bandwidth.standing_queue import StandingQueue
from sfu.bandwidth.trendline import NORMAL, OVERUSE, UNDERUSE, Trendline
from sfu.bandwidth.tuning import Tuning

STREAM_TIMEOUT: Final = 2.0
"""Seconds without feedback after which slopes start anew (goog_cc)."""
HEADROOM_PROBED: Final = 1.15
"""Times what arrives; where the next step is asked for by probes, growth need not guess."""
CALM_MS: Final = 60.0
"""A queue beyond this is no burst's."""
CUT_LEAST: Final = 0.85
"""No deeper cut for a small queue; if that is not enough, the next one comes a round trip later."""
REGAIN: Final = 0.9
"""Of the former rate, where less did not help because the queue is another flow's."""
SLOWER: Final = 0.75
"""Of the throughput; packets that come in slower while they are delayed show a narrower link."""
IDLE: Final = 0.65
"""Of the rate: who was sent less was limited by what there was to send (goog_cc)."""
GROWTH_NEAR: Final = 0.025
"""Most growth per second near a capacity that was met: a slow link's queue grows fast."""
PROBE_FLOOR: Final = 0.85
"""Of what arrives: no probe says less (goog_cc)."""


class DelayControl(Columns):
    """State and rate of each path as its delays show them."""

    state: Ints
    recovered: Bools
    """Underuse ended with this feedback."""
    drained: Bools
    """So did the draining of a queue, which is empty."""
    heard_at: Floats

    def __init__(self, capacity: int, tuning: Tuning) -> None:
        super().__init__(
            capacity,
            {"state": NORMAL, "recovered": False, "drained": False, "heard_at": math.nan},
        )
        self._tuning = tuning
        self.trendline = Trendline(capacity)
        self.aimd = Aimd(capacity)
        self.queue = StandingQueue(capacity)
        self.arrivals = Arrivals(capacity)
        self.drain = Drain(capacity)
        self.competing = Competing(capacity)
        self._tables: tuple[Columns, ...] = (
            self.trendline,
            self.aimd,
            self.queue,
            self.arrivals,
            self.drain,
            self.competing,
        )

    def grow(self, capacity: int) -> None:
        super().grow(capacity)
        for table in self._tables:
            table.grow(capacity)

    def clear(self, rows: int | Ints) -> None:
        super().clear(rows)
        for table in self._tables:
            table.clear(rows)

    def update(
        self,
        rows: Ints,
        now: float,
        news: Records,
        first: Ints,
        deltas: Records,
        throughput: Floats,
        probed: Floats,
        unavoidable: Floats,
        covered: Floats,
    ) -> None:
        """A feedback of each row, `first` its first delta; `throughput` and `probed` in bit/s, 0
        where unknown; `unavoidable` is the fraction that is lost whatever is sent, `covered` the
        part of what is sent that deltas tell of."""
        # What is lost anyway came through the bottleneck, or would have.
        came = 1.0 - unavoidable
        throughput = throughput / came
        seen = came * covered
        counts = news["deltas"].astype(np.int64)
        timed = news["round_trip_us"] > 0
        self.aimd.round_trip[rows[timed]] = news["round_trip_us"][timed] / 1e6
        anew = now - self.heard_at[rows] > STREAM_TIMEOUT
        anew |= (news["flags"] & RESET) != 0
        self.heard_at[rows] = now
        if np.count_nonzero(anew):
            self.trendline.clear(rows[anew])
        self.trendline.update(rows, Groups(first, counts, deltas))
        delay = news["delay_min_us"] / 1000.0
        idle = throughput < IDLE * self.aimd.rate[rows]
        self.arrivals.update(rows, first, counts, deltas, self.queue.begins(rows, delay) & idle)
        arriving = self.arrivals.now(rows) / seen
        slower = (arriving > 0.0) & (arriving < SLOWER * throughput)
        self.queue.update(rows, now, delay, slower)
        state = self.trendline.state[rows]
        if self._tuning.standing_queue:
            state = self.queue.judge(rows, now, state)
        probed = self._credible(rows, throughput, probed)
        steering = state
        if self._tuning.drain:
            state, steering = self._drain(rows, now, state, throughput, seen)
        if self._tuning.drain and self.queue.somebody_crowded(now):
            steering = np.where(self.crowded(rows, now), UNDERUSE, steering)
        if self._tuning.standing_queue:
            held = (steering == NORMAL) & self.queue.holds(rows, now)
            steering = np.where(held, UNDERUSE, steering)
        if self._tuning.drain and np.count_nonzero(probed):
            calm = (steering == NORMAL) | ((steering == UNDERUSE) & self._settled(rows, now, state))
            probed = np.where(calm, probed, 0.0)
        headroom = HEADROOM_PROBED if self._tuning.step_probing else HEADROOM
        most = GROWTH_NEAR if self._tuning.drain else math.inf
        self.aimd.update(rows, now, steering, throughput, probed, headroom, most)
        if self._tuning.drain and self.queue.somebody_crowded(now):
            state = self._compete(rows, now, news, state, throughput, unavoidable)
        self.recovered[rows] = (self.state[rows] == UNDERUSE) & (state == NORMAL)
        self.state[rows] = state

    def _compete(
        self,
        rows: Ints,
        now: float,
        news: Records,
        state: Ints,
        throughput: Floats,
        unavoidable: Floats,
    ) -> Ints:
        """Rates of rows beside a flow that fills the queue; their delays are no verdict."""
        here = self.crowded(rows, now) & (throughput > 0.0)
        if not here.any():
            return state
        some, told = rows[here], news[here]
        lost = told["lost_bytes"].astype(np.float64)
        loss = lost / np.maximum(lost + told["acked_bytes"], 1.0) - unavoidable[here]
        trip = self.aimd.round_trip[some]
        rate = self.competing.steer(some, now, self.aimd.rate[some], throughput[here], loss, trip)
        self.aimd.set_rate(some, rate, now)
        return np.where(here, NORMAL, state)

    def at_rest(self, rows: Ints) -> Bools:
        """Where nothing changes that a probe would take for what the path carries."""
        rest: Bools = self.state[rows] == NORMAL
        if self._tuning.drain:
            # Slopes tell for a while of a queue that is gone.
            emptied = self.queue.queue[rows] < self.queue.empty(rows)
            rest |= (self.state[rows] == UNDERUSE) & emptied
        return rest

    def _settled(self, rows: Ints, now: float, state: Ints) -> Bools:
        """Where slopes still tell of a queue that is gone."""
        settled: Bools = (state == UNDERUSE) & ~self.drain.active[rows]
        settled &= (self.queue.queue[rows] < self.queue.empty(rows)) & ~self.crowded(rows, now)
        return settled

    def crowded(self, rows: Ints, now: float) -> Bools:
        """Where the queue is somebody else's."""
        return self.queue.crowded(rows, now)

    def probe(self, rows: Ints, now: float, throughput: Floats, probed: Floats) -> None:
        """Results of probes that came without new feedback; `update` takes all others."""
        probed = self._credible(rows, throughput, probed)
        taken = (probed > 0.0) & (self.state[rows] != OVERUSE)
        self.aimd.set_rate(rows[taken], probed[taken], now)

    def _credible(self, rows: Ints, throughput: Floats, probed: Floats) -> Floats:
        """What probes found, where it is to be believed, 0 elsewhere."""
        if not np.count_nonzero(probed):
            return probed
        rate = self.aimd.rate[rows]
        if self._tuning.step_probing:
            # Drops are for delays to tell; jitter makes probes look slow.
            return np.where(probed > rate, probed, 0.0)
        floor = np.minimum(rate, PROBE_FLOOR * throughput)
        return np.where(probed > 0.0, np.maximum(probed, floor), 0.0)

    def _drain(
        self, rows: Ints, now: float, state: Ints, throughput: Floats, seen: Floats
    ) -> tuple[Ints, Ints]:
        """State as it is, and as rate control shall see it: it waits while a queue is drained.
        `seen` is the part of what goes through the bottleneck that deltas tell of."""
        self.drained[rows] = False
        if not (np.count_nonzero(self.drain.active) or np.count_nonzero(state == OVERUSE)):
            return state, state
        queue, empty = self.queue.queue[rows], self.queue.empty(rows)
        before = self.drain.active[rows]
        lately = self.arrivals.lately(rows) / seen
        late = self.drain.update(rows, now, lately, queue, empty)
        alien = late & self.drain.stays(rows, queue)
        self.queue.give_up(rows[alien], now)
        self.competing.enter(rows[alien], now)
        # The cut was for nothing.
        self.aimd.rate[rows[alien]] = REGAIN * self.drain.before[rows[alien]]
        active = self.drain.active[rows]
        emptied = rows[before & ~active & ~late]
        self.drained[emptied] = True
        self.aimd.rate[emptied] = self.drain.rate_after(emptied, self.arrivals.now(emptied))
        crowded = self.crowded(rows, now)
        cut = (state == OVERUSE) & (throughput > 0.0) & ~crowded
        cut &= ~active | self.drain.worsens(rows, queue)
        current = self.arrivals.now(rows) / seen
        arriving = np.where(self.queue.jumping[rows], current, lately)
        # While a queue stands, the link is busy: what comes in is what it carries.
        stands = (queue > self.queue.hold(rows)) & (arriving > 0.0)
        capacity = np.where(stands, arriving, throughput)
        # Of a burst after little else the throughput knows nothing yet.
        burst = ~self.queue.jumping[rows] & (queue < CALM_MS)
        least = CUT_LEAST / RESUME * self.aimd.rate[rows]
        capacity = np.where(burst, np.maximum(np.maximum(capacity, current), least), capacity)
        self.arrivals.restart(rows[cut & self.queue.jumping[rows]])
        rate, trip = self.aimd.rate[rows[cut]], self.aimd.round_trip[rows[cut]]
        self.aimd.cut(rows[cut], now, capacity[cut], resume(queue[cut]))
        narrowed = self.queue.jumping[rows[cut]]
        self.drain.begin(rows[cut], now, rate, capacity[cut], queue[cut], trip, narrowed)
        draining = self.drain.active[rows]
        return np.where(draining, OVERUSE, state), np.where(draining, UNDERUSE, state)
