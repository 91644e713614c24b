"""Losses by stretches of sending: the last fifteen of 250 ms or more, per transport, newest first.

goog_cc loss_based_bwe_v2. Bytes count, not packets; what was reported lost and came in later is no
loss.
"""

from typing import Final, NamedTuple

import numpy as np

from sfu.bandwidth.columns import Columns
from sfu.bandwidth.rows import Bools, Floats, Ints, Records

WINDOW: Final = 15
READY: Final = 3
"""Observations before losses may limit."""
DURATION_US: Final = 250_000
LONGEST_US: Final = 400_000.0
"""An observation of more counts as one of so much: who was heard seldom, since all was well, is to
be limited as soon as others once it is not."""
WEIGHTS: Final = 0.9 ** np.arange(WINDOW)
EXTREMES_AFTER: Final = 3
"""Observations; with fewer none is left out of the average."""
BURST: Final = 2.0
"""An observation sent at that many times the median rate is no outlier: it says why it lost."""


INNOCENT_MOST: Final = 0.15
"""Fraction of bytes; who loses more has to send less, whatever the reason."""
CORRELATION: Final = 0.6
"""Of losses with the rate, above which sending less would help."""
CORRELATION_AFTER: Final = 6
"""Observations; fewer correlate by chance."""


class Window(NamedTuple):
    """The last observations of some rows, newest first, of shape (rows, WINDOW); 0 where nothing
    was observed yet."""

    size: Floats
    """Bytes."""
    lost: Floats
    """Bytes of these."""
    rate: Floats
    """bit/s."""
    queue: Floats
    """Milliseconds that stood in the path's queue meanwhile."""


class Observations(Columns):
    """What was observed lately, and what is being summed up."""

    count: Ints
    ended_us: Ints
    """Send time of the last packet of the newest observation; 0 before the first."""
    _windows: Floats
    _size: Floats
    _lost: Floats
    _queue: Floats

    def __init__(self, capacity: int) -> None:
        super().__init__(
            capacity,
            {
                "_windows": (0.0, 4 * WINDOW),
                "count": 0,
                "ended_us": 0,
                "_size": 0.0,
                "_lost": 0.0,
                "_queue": 0.0,
            },
        )

    def of(self, rows: Ints) -> Window:
        """Those of these rows."""
        return Window._make(self._windows[rows].reshape(-1, 4, WINDOW).transpose(1, 0, 2))

    def add(self, rows: Ints, news: Records, queue_ms: Floats) -> Ints:
        """Takes a feedback of each row; returns where in `rows` an observation was completed."""
        lost = news["lost_bytes"].astype(np.float64) - news["unlost_bytes"]
        self._size[rows] += news["acked_bytes"] + lost
        self._lost[rows] += lost
        self._queue[rows] = np.maximum(self._queue[rows], queue_ms)
        sent = news["last_sent_us"]
        ended = self.ended_us[rows]
        begun = ended != 0
        if np.count_nonzero(begun) < len(rows):
            first = ~begun & (sent > 0)
            self.ended_us[rows[first]] = sent[first]
        duration = sent.astype(np.float64) - ended
        closed = np.flatnonzero(begun & (duration >= DURATION_US) & (self._size[rows] > 0.0))
        if len(closed):
            self._close(rows[closed], duration[closed], sent[closed])
        return closed

    def _close(self, rows: Ints, duration_us: Floats, sent: Ints) -> None:
        size = self._size[rows]
        # More may have come back than was lost in this stretch.
        lost = np.clip(self._lost[rows], 0.0, size)
        before = self._windows[rows].reshape(-1, 4, WINDOW)
        after = np.empty_like(before)
        after[:, :, 1:] = before[:, :, :-1]
        part = np.minimum(LONGEST_US / duration_us, 1.0)
        newest = (part * size, part * lost, size * 8e6 / duration_us, self._queue[rows])
        for number, values in enumerate(newest):
            after[:, number, 0] = values
        self._windows[rows] = after.reshape(-1, 4 * WINDOW)
        self.count[rows] += 1
        self.ended_us[rows] = sent
        self._size[rows] = 0.0
        self._lost[rows] = 0.0
        self._queue[rows] = 0.0

    @staticmethod
    def average_loss(window: Window) -> Floats:
        """Weighted fraction of bytes lost, without the best and the worst observation."""
        size, lost = WEIGHTS * window.size, WEIGHTS * window.lost
        filled = size > 0.0
        fraction = np.divide(lost, size, out=np.zeros_like(size), where=filled)
        each = np.arange(len(size))
        worst = np.argmax(np.where(filled, fraction, -1.0), axis=1)
        best = np.argmin(np.where(filled, fraction, 2.0), axis=1)
        total, total_lost = size.sum(axis=1), lost.sum(axis=1)
        rates = np.where(filled, window.rate, np.nan)
        seen = filled.sum(axis=1)
        median = np.sort(rates, axis=1)[each, seen // 2]
        plain = (seen <= EXTREMES_AFTER) | (BURST * median <= window.rate[each, worst])
        # Without any difference both extremes are the same observation.
        apart = worst != best
        inner = total - size[each, worst] - np.where(apart, size[each, best], 0.0)
        inner_lost = total_lost - lost[each, worst] - np.where(apart, lost[each, best], 0.0)
        kept = np.where(plain, total, inner)
        kept_lost = np.where(plain, total_lost, inner_lost)
        loss: Floats = np.divide(kept_lost, kept, out=np.zeros_like(kept), where=kept > 1e-9)
        return loss.clip(0.0, 1.0)

    @staticmethod
    def innocent(window: Window, average: Floats, queue_ms: Floats) -> Bools:
        """Where losses come neither with a queue of so many milliseconds nor with the rate, so
        that sending less would lose as much."""
        size, lost, rate = window.size, window.lost, window.rate
        weight = WEIGHTS * lost
        total = weight.sum(axis=1)
        queue = (weight * window.queue).sum(axis=1) / np.maximum(total, 1.0)
        filled = size > 0.0
        fraction = lost / np.maximum(size, 1.0)
        count = np.maximum(filled.sum(axis=1), 1)
        apart_loss = np.where(filled, fraction - (fraction.sum(axis=1) / count)[:, None], 0.0)
        apart_rate = np.where(filled, rate - (rate.sum(axis=1) / count)[:, None], 0.0)
        both = (apart_loss * apart_rate).sum(axis=1)
        spread = (apart_loss**2).sum(axis=1) * (apart_rate**2).sum(axis=1)
        correlates = (both > CORRELATION * np.sqrt(spread)) & (count >= CORRELATION_AFTER)
        innocent: Bools = (average <= INNOCENT_MOST) & (queue < queue_ms) & ~correlates
        return innocent
