"""What a path is believed to carry after a queue stood in it."""

import numpy as np

from sfu.bandwidth.estimator import OVERUSE, UNDERUSE, Estimator
from sfu.bandwidth.rows import DELTA, FEEDBACK, TRANSPORT_WIDE

TICK = 0.05
SIZE = 1_200


class Path:
    """One transport whose groups of a packet each come in at a rate."""

    def __init__(self, start: float) -> None:
        self.estimator = Estimator(1)
        self.estimator.add(7, 100.0, start=start)
        self.now, self._arrived_us = 100.0, 0

    def hear(self, sent: float, arriving: float, queue_ms: float, throughput: float) -> None:
        """A feedback's worth of packets that were sent and came in at so many bit/s."""
        self.now += TICK
        count = max(round(arriving * TICK / 8 / SIZE), 1)
        deltas = np.zeros(count, dtype=DELTA)
        deltas["send_delta_us"] = SIZE * 8e6 / sent
        deltas["arrival_delta_us"] = SIZE * 8e6 / arriving
        deltas["arrival_us"] = self._arrived_us + np.cumsum(deltas["arrival_delta_us"])
        deltas["size"] = SIZE
        self._arrived_us = int(deltas["arrival_us"][-1])
        row = np.zeros(1, dtype=FEEDBACK)
        row["transport"], row["flags"], row["deltas"] = 7, TRANSPORT_WIDE, count
        row["acked"], row["acked_bytes"] = count, count * SIZE
        row["throughput_bps"], row["round_trip_us"] = throughput, 50_000
        row["delay_min_us"] = queue_ms * 1e3
        self.estimator.tick(self.now, row, deltas)


def test_what_came_before_a_burst_says_nothing_of_the_link() -> None:
    path = Path(start=3.3e6)
    for _ in range(40):
        path.hear(2e5, 2e5, 0.0, 2e5)
    for queue in (95.0, 104.0, 104.0, 98.0):
        path.hear(7e6, 4e6, queue, 6e5)
    assert path.estimator.state[0] == OVERUSE
    assert path.estimator.estimate[0] > 3e6


def test_a_path_is_at_rest_when_its_queue_is_gone_whatever_slopes_still_tell() -> None:
    path = Path(start=2e6)
    for _ in range(20):
        path.hear(2e6, 2e6, 0.0, 2e6)
    for queue in (60.0, 140.0, 220.0):
        path.hear(2e6, 5e5, queue, 1.5e6)
    delay = path.estimator._delay
    assert not delay.at_rest(np.array([0]))[0]
    for queue in (150.0, 80.0, 1.0):
        path.hear(3e5, 2e6, queue, 5e5)
    assert path.estimator.state[0] == UNDERUSE
    assert delay.at_rest(np.array([0]))[0]
