"""Receivers without transport-wide feedback: their own estimate, and the loss they report.

Reported loss contains what a publisher's uplink lost, so it never mixes with that of transport-wide
feedback; who sends that once is not looked at here any more.
"""

import math
from typing import Final

import numpy as np

from sfu.bandwidth.columns import Columns
from sfu.bandwidth.rows import REMB, REPORT, Floats, Ints, Records

# goog_cc send_side_bandwidth_estimation.
LOSS_LOW: Final = 0.02
LOSS_HIGH: Final = 0.10
GROWTH: Final = 1.08
GROWTH_FIXED: Final = 1_000.0
INTERVAL: Final = 0.3
ROUND_TRIP: Final = 0.2

REMB_VALID: Final = 10.0
"""Seconds; browsers repeat theirs each second (draft-alvestrand-rmcat-remb)."""
HEADROOM: Final = 1.5
"""Times what is sent: a rate beyond is not known from losses."""
LEAST_RATE: Final = 5_000.0
MOST_RATE: Final = 4e9


class Fallback(Columns):
    """Rates in bit/s, times in seconds."""

    rate: Floats
    remb: Floats
    """The receiver's own estimate, infinite without one."""
    loss: Floats
    """Fraction of packets, of the last report."""
    _remb_at: Floats
    _sent_bits: Floats
    _reported_at: Floats
    _cut_at: Floats

    def __init__(self, capacity: int) -> None:
        super().__init__(
            capacity,
            {
                "rate": LEAST_RATE,
                "remb": math.inf,
                "loss": 0.0,
                "_remb_at": -math.inf,
                "_sent_bits": 0.0,
                "_reported_at": math.nan,
                "_cut_at": -math.inf,
            },
        )

    def update(self, rows: Ints, news: Records, now: float) -> None:
        """News of rows that never had transport-wide feedback."""
        sent = news["sent_bytes"].astype(np.float64) + news["sent_rtx_bytes"]
        self._sent_bits[rows] += 8.0 * (sent + news["sent_padding_bytes"])
        self.receive(rows, news, now)
        reported = (news["flags"] & REPORT) != 0
        self._report(rows[reported], news[reported], now)
        # The receiver sees more than losses; while it finds room, so do we.
        fresh = now - self._remb_at[rows] < REMB_VALID
        follow = rows[fresh & (self.loss[rows] < LOSS_HIGH)]
        self.rate[follow] = np.maximum(self.remb[follow], LEAST_RATE)

    def receive(self, rows: Ints, news: Records, now: float) -> None:
        """Receivers' own estimates; they count for everybody who sends them."""
        told = ((news["flags"] & REMB) != 0) & (news["remb_bps"] > 0)
        self.remb[rows[told]] = news["remb_bps"][told]
        self._remb_at[rows[told]] = now
        self.remb[rows[now - self._remb_at[rows] >= REMB_VALID]] = math.inf

    def _report(self, rows: Ints, news: Records, now: float) -> None:
        loss = np.minimum(news["report_loss"] / 256.0, 1.0)
        rate = self.rate[rows]
        elapsed = np.nan_to_num(now - self._reported_at[rows])
        sent_rate = self._sent_bits[rows] / np.maximum(elapsed, 0.05)
        limit = np.where(elapsed > 0.0, HEADROOM * sent_rate + 10_000.0, math.inf)
        grown = rate * GROWTH ** np.clip(elapsed, 0.0, 5.0) + GROWTH_FIXED
        grown = np.maximum(rate, np.minimum(grown, limit))
        round_trip = np.where(news["round_trip_us"] > 0, news["round_trip_us"] / 1e6, ROUND_TRIP)
        cut = (loss > LOSS_HIGH) & (now - self._cut_at[rows] >= INTERVAL + round_trip)
        rate = np.where(loss < LOSS_LOW, grown, rate)
        rate = np.where(cut, rate * (1.0 - 0.5 * loss), rate)
        self.rate[rows] = np.clip(rate, LEAST_RATE, MOST_RATE)
        self.loss[rows] = loss
        self._cut_at[rows[cut]] = now
        self._reported_at[rows] = now
        self._sent_bits[rows] = 0.0
