"""What comes in right now."""

import numpy as np
import pytest

from sfu.bandwidth.arrivals import Arrivals
from sfu.bandwidth.rows import DELTA, Bools

ROW, FIRST = np.array([0]), np.array([0])
NO, YES = np.array([False]), np.array([True])


def feed(arrivals: Arrivals, bps: float, feedbacks: int, queued: Bools = NO) -> None:
    deltas = np.zeros(5, dtype=DELTA)
    deltas["arrival_delta_us"], deltas["size"] = 10_000, bps * 0.01 / 8
    for _ in range(feedbacks):
        arrivals.update(ROW, FIRST, np.array([5]), deltas, queued)


def test_follows_a_drop_soon_and_later() -> None:
    arrivals = Arrivals(1)
    feed(arrivals, 4e6, 40)
    assert arrivals.now(ROW)[0] == pytest.approx(4e6)
    feed(arrivals, 1e6, 3)
    assert arrivals.now(ROW)[0] < 1.4e6 < arrivals.lately(ROW)[0]
    arrivals.restart(ROW)
    assert arrivals.lately(ROW)[0] == arrivals.now(ROW)[0]


def test_what_came_in_before_a_queue_is_forgotten() -> None:
    arrivals = Arrivals(1)
    feed(arrivals, 2e5, 40)
    feed(arrivals, 4e6, 1, YES)
    feed(arrivals, 4e6, 2)
    assert arrivals.lately(ROW)[0] == pytest.approx(4e6)


def test_absurd_spans_say_nothing() -> None:
    arrivals = Arrivals(1)
    feed(arrivals, 4e6, 10)
    deltas = np.zeros(2, dtype=DELTA)
    for span in (-(2**31), 0, 2**31 - 1):
        deltas["arrival_delta_us"], deltas["size"] = span, 2**32 - 1
        arrivals.update(ROW, FIRST, np.array([2]), deltas, NO)
    assert arrivals.now(ROW)[0] == pytest.approx(4e6)
