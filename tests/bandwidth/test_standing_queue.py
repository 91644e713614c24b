"""Queues that stand, that jump, and that are none."""

import numpy as np
import pytest

from sfu.bandwidth.standing_queue import CROWD_GONE, STANDING_FOR, StandingQueue
from sfu.bandwidth.trendline import NORMAL, OVERUSE

ROW = np.array([0])
NOT_SLOWER, SLOWER = np.array([False]), np.array([True])


def judge(queue: StandingQueue, delays: list[float], state: int = NORMAL) -> int:
    verdict = state
    for number, delay in enumerate(delays):
        queue.update(ROW, 0.05 * number, np.array([delay]), NOT_SLOWER)
        verdict = int(queue.judge(ROW, 0.05 * number, np.array([state]))[0])
    return verdict


@pytest.mark.parametrize(
    ("delays", "verdict"),
    [
        ([70.0] * STANDING_FOR, NORMAL),
        ([70.0] * (STANDING_FOR + 1), OVERUSE),
        ([0.0, 30.0, 60.0], OVERUSE),
        ([0.0, 8.0, 16.0, 24.0], NORMAL),
    ],
)
def test_a_queue_that_stands_or_jumps_is_overuse(delays: list[float], verdict: int) -> None:
    assert judge(StandingQueue(1), delays) == verdict


def test_a_slope_without_a_queue_is_jitter() -> None:
    assert judge(StandingQueue(1), [3.0], OVERUSE) == NORMAL
    assert judge(StandingQueue(1), [30.0], OVERUSE) == OVERUSE


def test_one_jump_is_enough_when_less_comes_in() -> None:
    queue = StandingQueue(1)
    queue.update(ROW, 0.0, np.array([0.0]), SLOWER)
    queue.update(ROW, 0.05, np.array([30.0]), SLOWER)
    assert queue.judge(ROW, 0.05, np.array([NORMAL]))[0] == OVERUSE


def test_jitter_raises_what_counts_as_empty() -> None:
    queue = StandingQueue(1)
    before = queue.empty(ROW)[0]
    judge(queue, [0.0, 20.0] * 40)
    assert queue.empty(ROW)[0] > before + 10.0


def test_what_is_somebody_elses_is_left_alone_until_it_is_gone() -> None:
    queue = StandingQueue(1)
    queue.give_up(ROW, 0.0)
    assert judge(queue, [90.0] * 20) == NORMAL
    later = 1.0 + CROWD_GONE
    queue.update(ROW, later, np.array([0.0]), NOT_SLOWER)
    queue.judge(ROW, later, np.array([NORMAL]))
    assert queue.crowded_until[0] < later
