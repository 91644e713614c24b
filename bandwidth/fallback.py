"""Receivers without transport-wide feedback: their own estimate, and the loss they report.

Reported loss contains what a publisher's uplink lost, so it never mixes with that of transport-wide
feedback; who sends that once is not looked at here any more.
"""

import math
from typing import Final

import numpy as np

from sfu.bandwidth.columns import Columns
from sfu.bandwidth.rows import REMB, REPORT, Bools, Floats, Ints, Records

# goog_cc send_side_bandwidth_estimation.
LOSS_LOW: Final = 0.02
LOSS_HIGH: Final = 0.10
GROWTH: Final = 1.08
GROWTH_FIXED: Final = 1_000.0
INTERVAL: Final = 0.3
ROUND_TRIP: Final = 0.2

REMB_VALID: Final = 10.0
"""Seconds; browsers repeat theirs each second (draft-alvestrand-rmcat-remb)."""
LEAST_COUNT: Final = 0.5
"""Seconds over which what is sent is counted."""
HEADROOM: Final = 1.5
"""Times what is sent: a rate beyond is not known from losses."""
CALM: Final = 5.0
"""Seconds without losses and without a receiver's word of less, after which the next step is tried:
neither receivers nor we believe in much more than what is sent, so nothing else would tell."""
FALLEN: Final = 0.97
RISEN: Final = 1.15
RISEN_FIXED: Final = 30_000.0
"""A receiver's estimate goes up steadily, by less than that a second, while its path carries what
is sent (goog_cc: 8 %, or some packets). One that falls, or that leaps or stands still below what is
sent, is 0.85 times what arrives over an overused path."""
STANDING: Final = 3.0
"""Seconds after which one stands still."""
LEAST_RATE: Final = 5_000.0
MOST_RATE: Final = 4e9


class Fallback(Columns):
    """Rates in bit/s, times in seconds."""

    rate: Floats
    remb: Floats
    """The receiver's own estimate, infinite without one."""
    loss: Floats
    """Fraction of packets, of the last report."""
    tried: Floats
    """What is believed beyond all that, since nothing speaks against it."""
    _remb_at: Floats
    _risen_at: Floats
    _sent_rate: Floats
    _sent_bits: Floats
    _counted_at: Floats
    _cut_at: Floats
    _calm_since: Floats
    _untried: Floats
    """The rate before the step was tried, which losses lead back to."""

    def __init__(self, capacity: int) -> None:
        super().__init__(
            capacity,
            {
                "rate": LEAST_RATE,
                "remb": math.inf,
                "loss": 0.0,
                "tried": 0.0,
                "_remb_at": -math.inf,
                "_risen_at": -math.inf,
                "_sent_rate": 0.0,
                "_sent_bits": 0.0,
                "_counted_at": math.nan,
                "_cut_at": -math.inf,
                "_calm_since": math.nan,
                "_untried": 0.0,
            },
        )

    def update(self, rows: Ints, news: Records, now: float, next_step: Floats) -> None:
        """News of rows that never had transport-wide feedback, and what their next step needs."""
        sent = news["sent_bytes"].astype(np.float64) + news["sent_rtx_bytes"]
        self._sent_bits[rows] += 8.0 * (sent + news["sent_padding_bytes"])
        reported = (news["flags"] & REPORT) != 0
        self._report(rows[reported], news[reported], now)
        troubled = self._receive(rows, news, now)
        # The receiver sees more than losses; while it finds room, so do we.
        fresh = now - self._remb_at[rows] < REMB_VALID
        follow = rows[fresh & (self.loss[rows] < LOSS_HIGH)]
        self.rate[follow] = np.maximum(self.remb[follow], LEAST_RATE)
        troubled |= self.loss[rows] >= LOSS_LOW
        undone = rows[troubled & ~fresh & (self.tried[rows] > 0.0)]
        self.rate[undone] = np.minimum(self.rate[undone], self._untried[undone])
        self._try(rows, troubled, (news["flags"] & (REMB | REPORT)) != 0, now, next_step)

    def _receive(self, rows: Ints, news: Records, now: float) -> Bools:
        """Receivers' own estimates; gives whose path is full by what they say."""
        told = ((news["flags"] & REMB) != 0) & (news["remb_bps"] > 0)
        before, elapsed = self.remb[rows], np.minimum(now - self._remb_at[rows], REMB_VALID)
        said = np.where(told, news["remb_bps"], before)
        self._risen_at[rows[told & ((said > before) | np.isinf(before))]] = now
        self.remb[rows], self._remb_at[rows[told]] = said, now
        self.remb[rows[now - self._remb_at[rows] >= REMB_VALID]] = math.inf
        most = RISEN**elapsed * before + RISEN_FIXED * elapsed
        odd = ((said > most) & np.isfinite(before)) | (now - self._risen_at[rows] > STANDING)
        odd &= said < self._sent_rate[rows]
        troubled: Bools = told & (odd | ((said < FALLEN * before) & np.isfinite(before)))
        return troubled

    def _try(
        self, rows: Ints, troubled: Bools, answered: Bools, now: float, next_step: Floats
    ) -> None:
        """Who answers and is calm for long enough gets the next step, until there is trouble."""
        # What has become cheaper since does not show that the path carries as much.
        tried = np.minimum(self.tried[rows], HEADROOM * next_step)
        self.tried[rows] = np.where(troubled, 0.0, tried)
        since = self._calm_since[rows]
        since = np.where(troubled | np.isnan(since), now, since)
        due = answered & (now - since >= CALM) & (next_step > self.rate[rows])
        self._untried[rows[due]] = self.rate[rows[due]]
        self.tried[rows[due]] = next_step[due]
        self._calm_since[rows] = np.where(due, now, since)
        self.rate[rows] = np.maximum(self.rate[rows], self.tried[rows])

    def _report(self, rows: Ints, news: Records, now: float) -> None:
        loss = np.minimum(news["report_loss"] / 256.0, 1.0)
        rate = self.rate[rows]
        # Some receivers report on each m-line, one after the other.
        elapsed = np.fmax(now - self._counted_at[rows], 0.0)
        counted = elapsed >= LEAST_COUNT
        sent = self._sent_bits[rows] / np.maximum(elapsed, LEAST_COUNT)
        self._sent_rate[rows[counted]] = sent[counted]
        grown = np.minimum(rate * GROWTH ** np.minimum(elapsed, 5.0), HEADROOM * sent + 10_000.0)
        grown = np.where(counted, np.maximum(rate, grown + GROWTH_FIXED), rate)
        round_trip = np.where(news["round_trip_us"] > 0, news["round_trip_us"] / 1e6, ROUND_TRIP)
        cut = (loss > LOSS_HIGH) & (now - self._cut_at[rows] >= INTERVAL + round_trip)
        rate = np.where(loss < LOSS_LOW, grown, rate)
        rate = np.where(cut, rate * (1.0 - 0.5 * loss), rate)
        self.rate[rows] = np.clip(rate, LEAST_RATE, MOST_RATE)
        self.loss[rows] = loss
        self._cut_at[rows[cut]] = now
        anew = rows[counted | np.isnan(self._counted_at[rows])]
        self._counted_at[anew] = now
        self._sent_bits[anew] = 0.0
