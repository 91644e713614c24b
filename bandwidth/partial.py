"""Receivers that report on part of what they are sent only: Firefox, say, takes no transport-wide
numbers on sound.

What has no number is in nobody's report, so what is said to arrive is less than what does. The part
that is reported on tells by how much; losses are of the reported packets and stay as they are.
"""

from typing import Final

import numpy as np

from sfu.bandwidth.columns import Columns
from sfu.bandwidth.rows import PARTIAL, Floats, Ints, Records, within

FADING: Final = 0.95
"""Of former bytes, with each feedback: the last second counts."""
LEAST: Final = 0.25
"""A smaller part is not concluded from: too little is known then, and a liar would gain by it."""


class Partial(Columns):
    """Bytes lately, older ones fading."""

    _reported: Floats
    _sent: Floats

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity, {"_reported": 0.0, "_sent": 0.0})

    def covered(self, rows: Ints, news: Records) -> Floats:
        """Takes a feedback of each row; returns the part of what is sent that reports tell of, 1
        where everything has a number."""
        part = np.ones(len(rows))
        some = (news["flags"] & PARTIAL) != 0
        if not np.count_nonzero(some):
            return part
        rows, news = rows[some], news[some]
        reported = news["acked_bytes"].astype(np.float64) + news["lost_bytes"]
        reported -= np.minimum(news["unlost_bytes"], reported)
        sent = news["sent_bytes"].astype(np.float64)
        sent += news["sent_rtx_bytes"]
        sent += news["sent_padding_bytes"]
        self._reported[rows] = reported = FADING * self._reported[rows] + reported
        self._sent[rows] = sent = FADING * self._sent[rows] + sent
        part[some] = within(reported / np.maximum(sent, 1.0), LEAST, 1.0)
        return part
