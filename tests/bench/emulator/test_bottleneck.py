"""The model of one direction: rate, queue bound, delay, order, loss, marks."""

import itertools
import math

import pytest

from sfu.bench.emulator.bottleneck import Bottleneck
from sfu.bench.trace import Direction

MTU = 1250
"""Bytes: 10 ms at 1 Mbit/s."""


def offer(bottleneck: Bottleneck, count: int, every: float) -> list[float | None]:
    """When each of `count` packets comes out, sent so many seconds apart from 0 on."""
    passages = (bottleneck.offer(number * every, MTU) for number in range(count))
    return [None if each is None else each.at for each in passages]


def test_packets_leave_at_the_capacity_and_come_after_the_delay() -> None:
    bottleneck = Bottleneck(Direction.of(capacity=1e6, delay=0.05), seed=1)
    assert offer(bottleneck, 3, 0.0) == pytest.approx([0.06, 0.07, 0.08])


def test_what_does_not_fit_the_queue_is_dropped_at_the_tail() -> None:
    bottleneck = Bottleneck(Direction.of(capacity=1e6, queue=3 * MTU), seed=1)
    assert offer(bottleneck, 5, 0.0) == [*map(pytest.approx, (0.01, 0.02, 0.03)), None, None]
    # The first one has left meanwhile.
    assert bottleneck.offer(0.0101, MTU) is not None
    assert bottleneck.take(0).dropped == 2


def test_steps_begin_with_the_start() -> None:
    steps = ((0.0, 1e6), (1.0, 5e5))
    bottleneck = Bottleneck(Direction.of(capacity=steps, queue_seconds=0.1), seed=1)
    passage = bottleneck.offer(50.0, MTU)
    assert passage is not None
    assert passage.at == pytest.approx(50.01)
    bottleneck.start(100.0)
    ends = [bottleneck.offer(now, MTU) for now in (100.0, 101.0)]
    assert [each and each.at for each in ends] == pytest.approx([100.01, 101.02])
    # 100 ms of queue are half the bytes at half the rate.
    assert sum(bottleneck.offer(101.0, MTU) is not None for _ in range(20)) == 4


def test_jitter_does_not_reorder() -> None:
    bottleneck = Bottleneck(Direction.of(delay=0.02, jitter=0.03), seed=1)
    ends = [at for at in offer(bottleneck, 500, 0.001) if at is not None]
    assert ends == sorted(ends)
    added = [at - 0.02 - number * 0.001 for number, at in enumerate(ends)]
    assert min(added) >= 0
    assert 0.02 < max(added) <= 0.03 + 1e-6


@pytest.mark.parametrize(("burst", "in_a_row"), [(1.0, 1.05), (4.0, 4.0)])
def test_loss_has_its_share_and_its_bursts(burst: float, in_a_row: float) -> None:
    direction = Direction(loss=((0.0, 0.05),), burst=((0.0, burst),))
    ends = offer(Bottleneck(direction, seed=1), 40_000, 0.001)
    assert ends.count(None) / len(ends) == pytest.approx(0.05, rel=0.1)
    runs = [len(list(run)) for lost, run in itertools.groupby(at is None for at in ends) if lost]
    assert sum(runs) / len(runs) == pytest.approx(in_a_row, rel=0.1)


def test_who_waits_too_long_is_marked() -> None:
    direction = Direction(capacity=((0.0, 1e6),), mark=((0.0, 0.015),))
    bottleneck = Bottleneck(direction, seed=1)
    passages = [bottleneck.offer(0.0, MTU) for _ in range(4)]
    assert [each is not None and each.congested for each in passages] == [False, False, True, True]


def test_a_dead_link_drops_all() -> None:
    bottleneck = Bottleneck(Direction.of(capacity=((0.0, 1e6), (1.0, 0.0))), seed=1)
    bottleneck.start(0.0)
    assert bottleneck.offer(2.0, MTU) is None


def test_bins_tell_what_left_when() -> None:
    bottleneck = Bottleneck(Direction.of(capacity=1e6, queue=math.inf), seed=1)
    offer(bottleneck, 15, 0.0)
    first, second = bottleneck.take(0), bottleneck.take(1)
    # Rounding says to which bin what leaves between two belongs.
    assert (first.packets, second.packets) in ((9, 6), (10, 5))
    assert first.bytes == first.packets * MTU
    assert max(second.waits) == pytest.approx(0.14)
    assert bottleneck.take(0).packets == 0
