"""Links against a packet-by-packet reference; paths keep order and lose what they should."""

import math

import numpy as np
import pytest

from sfu.bench.simulator.link import Courses, Links, Paths
from sfu.bench.simulator.packets import OVERHEAD, STEP
from sfu.bench.trace import Direction, Steps

COURSE: Steps = ((0.0, 1e6), (0.5, 3e6), (0.9, 0.0), (1.1, 2e6))
CONSTANT: Steps = ((0.0, 0.7e6),)


def leaves_one_by_one(
    course: Steps, queue: float, size: list[int], at: list[float]
) -> tuple[list[float], float]:
    """When each packet leaves, by following the queue in steps of time; and the longest queue."""
    waiting: list[tuple[int, float]] = []
    left = [math.inf] * len(size)
    backlog = most = 0.0
    tick = 2e-5
    time, index = 0.0, 0
    while index < len(size) or waiting:
        while index < len(size) and at[index] <= time:
            bytes_ = float(size[index] + OVERHEAD)
            if backlog + bytes_ <= queue:
                waiting.append((index, bytes_))
                backlog += bytes_
                most = max(most, backlog)
            index += 1
        rate = next(value for begin, value in reversed(course) if begin <= time + 1e-12)
        served = rate / 8 * tick
        backlog = max(backlog - min(served, backlog), 0.0)
        while waiting and served > 0:
            which, rest = waiting[0]
            if rest > served:
                waiting[0] = which, rest - served
                break
            served -= rest
            waiting.pop(0)
            left[which] = time + tick
        time += tick
    return left, most


@pytest.mark.parametrize("course", [COURSE, CONSTANT])
def test_packets_leave_when_a_queue_followed_in_time_says(course: Steps) -> None:
    generator = np.random.default_rng(3)
    links = Links([Direction.of(capacity=course, queue=15_000.0)] * 3)
    at = np.sort(generator.random(400) * 1.5)
    size = generator.integers(60, 1200, 400)
    wanted, most = leaves_one_by_one(course, 15_000.0, size.tolist(), at.tolist())
    assert most <= 15_000.0
    got = np.empty(400)
    for step in range(round(1.5 / STEP)):
        now = np.flatnonzero((at >= step * STEP) & (at < (step + 1) * STEP))
        other = np.full(len(now), 2)
        both = links.offer(
            np.concatenate([other, np.ones_like(now)]),
            np.concatenate([size[now], size[now]]),
            np.concatenate([at[now], at[now]]),
        )
        got[now] = both[len(now) :]
    dropped = np.isinf(np.array(wanted))
    assert 0 < dropped.sum() < 400
    assert np.array_equal(np.isinf(got), dropped)
    assert got[~dropped] == pytest.approx(np.array(wanted)[~dropped], abs=1e-3)
    assert links.dropped.tolist() == [0, dropped.sum(), dropped.sum()]


def test_the_queue_is_never_longer_than_it_may_be() -> None:
    links = Links([Direction.of(capacity=1e6, queue=10_000.0)])
    generator = np.random.default_rng(1)
    offered = left = 0
    for step in range(200):
        at = np.sort(step * STEP + generator.random(8) * STEP)
        size = np.full(8, 1000)
        leaves = links.offer(np.zeros(8, dtype=np.int64), size, at)
        assert links.backlog(float(at[-1]))[0] <= 10_000.0
        offered += 8
        left += int(np.isfinite(leaves).sum())
    assert offered == left + links.dropped[0]
    # What has been carried is what the capacity allows, and a queue.
    assert left * (1000 + OVERHEAD) == pytest.approx(1e6 / 8 + 10_000.0, abs=2500)


def test_a_link_that_stands_still_keeps_what_waits() -> None:
    links = Links([Direction.of(capacity=((0.0, 1e6), (1.0, 0.0), (3.0, 1e6)), queue=50_000.0)])
    leaves = links.offer(np.zeros(1, dtype=np.int64), np.array([972]), np.array([1.5]))
    assert leaves[0] == pytest.approx(3.008)
    assert links.wait(2.0)[0] == pytest.approx(1.008)
    assert links.rate(2.0)[0] == 0.0


def test_without_a_limit_nothing_waits() -> None:
    links = Links([Direction()])
    leaves = links.offer(np.zeros(2, dtype=np.int64), np.array([1000, 1000]), np.array([1.0, 1.0]))
    assert leaves == pytest.approx([1.0, 1.0], abs=1e-6)


def test_values_change_when_their_time_comes() -> None:
    courses = Courses([((0.0, 1.0), (2.0, 5.0)), ((0.0, 7.0),)])
    assert courses.now(0.0).tolist() == [1.0, 7.0]
    assert courses.now(1.999).tolist() == [1.0, 7.0]
    assert courses.now(2.0).tolist() == [5.0, 7.0]


def paths(direction: Direction, bursts: tuple[float, float] = (0.0, 0.0)) -> Paths:
    return Paths([direction, Direction()], [bursts, (0.0, 0.0)], np.random.default_rng(5))


def test_jitter_delays_but_never_reorders() -> None:
    path = paths(Direction.of(delay=0.02, jitter=0.03))
    delays, latest = [], 0.0
    for step in range(400):
        leaves = np.full(3, step * STEP) + np.arange(3) * 0.001
        arrival = path.cross(np.zeros(3, dtype=np.int64), leaves, step * STEP)
        assert (np.diff(arrival) >= 0).all()
        assert arrival[0] >= latest
        latest = arrival[-1]
        delays += (arrival - leaves).tolist()
    assert min(delays) >= 0.02
    assert 0.045 < max(delays) < 0.0501 + 1e-9


def test_a_shorter_way_does_not_overtake() -> None:
    path = paths(Direction.of(delay=((0.0, 0.1), (1.0, 0.01))))
    first = path.cross(np.zeros(1, dtype=np.int64), np.array([0.99]), 0.99)
    second = path.cross(np.zeros(1, dtype=np.int64), np.array([1.0]), 1.0)
    assert second[0] == first[0] == pytest.approx(1.09)


def lost(path: Paths, seconds: float) -> np.ndarray:
    """Whether each packet of row 0 was lost, two a step."""
    found = []
    for step in range(round(seconds / STEP)):
        leaves = np.full(4, step * STEP)
        arrival = path.cross(np.array([0, 0, 1, 1]), leaves, step * STEP)
        assert np.isfinite(arrival[2:]).all()
        found += np.isinf(arrival[:2]).tolist()
    return np.array(found)


def test_losses_come_by_themselves_at_the_rate_asked_for() -> None:
    losses = lost(paths(Direction.of(loss=0.05)), 100.0)
    assert losses.mean() == pytest.approx(0.05, abs=0.005)
    after = losses[1:][losses[:-1]].mean()
    assert after == pytest.approx(0.05, abs=0.015)


def test_losses_come_in_bursts_where_asked_for() -> None:
    losses = lost(paths(Direction(), (0.04, 0.1)), 200.0)
    assert losses.mean() == pytest.approx(0.02, abs=0.006)
    after = losses[1:][losses[:-1]].mean()
    assert after > 0.35
