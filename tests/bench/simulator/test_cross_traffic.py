"""Cubic fills a link and shares it; short flows come and go; reverse media backs off."""

import numpy as np
import pytest

from sfu.bench.simulator.cross_traffic import CubicFlows, Flow, ReverseMedia
from sfu.bench.simulator.link import Links
from sfu.bench.simulator.packets import STEP
from sfu.bench.trace import Direction


def run(flows: list[Flow], seconds: float, queue_seconds: float = 0.3) -> np.ndarray:
    """Bytes delivered per flow over 2 Mbit/s."""
    links = Links([Direction.of(capacity=2e6, queue_seconds=queue_seconds)])
    cubic = CubicFlows(flows, np.random.default_rng(2))
    for step in range(round(seconds / STEP)):
        time = step * STEP
        packets = cubic.step(time)
        leaves = links.offer(cubic.link[packets.row], packets.size, packets.sent)
        cubic.learn(packets, leaves, links.wait(time), time)
    return cubic.delivered


def test_one_flow_fills_the_link() -> None:
    delivered = run([Flow(0)], 20.0)
    assert delivered[0] * 8 / 20 == pytest.approx(2e6, rel=0.06)


def test_two_flows_share_it() -> None:
    delivered = run([Flow(0), Flow(0, start=2.0)], 30.0)
    assert delivered.sum() * 8 / 30 == pytest.approx(2e6, rel=0.06)
    assert 0.5 < delivered[1] / delivered[0] < 1.6


def test_short_flows_carry_whole_transfers_and_rest() -> None:
    delivered = run([Flow(0, idle=2.0, transfer=(30_000, 60_000))], 40.0)
    assert 200_000 < delivered[0] < 2e6 / 8 * 40 * 0.5


def test_a_flow_has_a_beginning_and_an_end() -> None:
    assert run([Flow(0, start=2.0)], 1.0)[0] == 0.0
    assert run([Flow(0, stop=2.0)], 10.0)[0] < 2e6 / 8 * 4


def test_media_on_the_way_back_leaves_a_queue_and_backs_off() -> None:
    directions = [Direction.of(capacity=((0.0, 2e6), (12.0, 0.5e6)), queue_seconds=0.3)] * 2
    links = Links(directions)
    media = ReverseMedia(np.array([True, False]), directions)
    waits = []
    for step in range(round(28.0 / STEP)):
        media.step(links, step * STEP)
        waits.append(links.wait(step * STEP))
    table = np.array(waits)
    assert table[:, 1].max() == 0.0
    assert table[round(12 / STEP) : round(14 / STEP), 0].max() > 0.1
    assert np.median(table[round(20 / STEP) :, 0]) < 0.1
