"""Clusters of packets that probe a path: their size, their numbers, and what they found.

goog_cc bitrate_prober and probe_bitrate_estimator.
"""

from typing import Final

import numpy as np

from sfu.bandwidth.columns import Columns
from sfu.bandwidth.rows import PROBED, START_PROBE, Bools, Floats, Ints, Records

LEAST_PACKETS: Final = 5
DURATION: Final = 0.015
"""Seconds."""
RATIO_MOST: Final = 2.0
"""Received at more than twice the rate it was sent at: the receiver's times are no measure."""
RATIO_SATURATED: Final = 0.9
UTILISATION: Final = 0.95
"""Of the rate at which a saturated link delivered."""
EDGE: Final = 0.2
"""Packets by which a cluster's rate may be wrong; all that is left off where a queue that is made
by too high a rate is noticed and drained."""
MOST_RATE: Final = 4e9


def measured(news: Records, *, close: bool = False) -> Floats:
    """bit/s that the finished cluster of each row found, 0 without one or when it failed; `close`
    to the rate of a saturated link."""
    send = news["probe_send_bps"].astype(np.float64)
    receive = news["probe_receive_bps"].astype(np.float64)
    found = ((news["flags"] & PROBED) != 0) & (send > 0.0) & (receive > 0.0)
    found &= receive <= RATIO_MOST * send
    packets = np.maximum(news["probe_packets"], LEAST_PACKETS)
    utilisation = 1.0 - EDGE / packets if close else UTILISATION
    rate = np.where(
        receive < RATIO_SATURATED * send, utilisation * receive, np.minimum(send, receive)
    )
    return np.where(found, rate, 0.0)


class Clusters(Columns):
    """Clusters that wait to be sent, at most two per transport; one leaves per tick."""

    number: Ints
    """Of the last cluster that was started; 1 to 65,535 and again, never 0 but at first."""
    first: Floats
    second: Floats
    """bit/s of the clusters that wait, 0 for none."""
    duration: Floats

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity, {"number": 0, "first": 0.0, "second": 0.0, "duration": DURATION})

    def put(
        self, rows: Ints, first: Floats, second: Floats, duration: Floats | float = DURATION
    ) -> None:
        """Clusters to be sent next, in place of any that wait."""
        self.first[rows] = np.minimum(first, MOST_RATE)
        self.second[rows] = np.minimum(second, MOST_RATE)
        self.duration[rows] = duration

    def drop(self, rows: Ints) -> None:
        self.first[rows] = 0.0
        self.second[rows] = 0.0

    def waiting(self) -> Bools:
        return self.first > 0.0

    def start(self, rows: Ints, rates: Records) -> None:
        """Writes each row's next cluster, if there is one, into its RATES row."""
        rate = self.first[rows]
        some = rate > 0.0
        if not np.count_nonzero(some):
            return
        self.number[rows[some]] = self.number[rows[some]] % 0xFFFF + 1
        rates["flags"] |= np.where(some, START_PROBE, 0).astype(np.uint16)
        rates["probe"] = np.where(some, self.number[rows], 0)
        rates["probe_bps"] = rate
        rates["probe_bytes"] = rate * self.duration[rows] / 8.0
        rates["probe_packets"] = np.where(some, LEAST_PACKETS, 0)
        self.first[rows] = self.second[rows]
        self.second[rows] = 0.0
