"""The acknowledged rate against the same window kept one packet at a time."""

from itertools import pairwise

import numpy as np
import pytest

from sfu.bench.simulator.throughput import Throughput

Packet = tuple[int, int, int]


def rate_one_by_one(packets: list[Packet]) -> float:
    """bit/s as RobustThroughputEstimator has it, of (sent, received, bytes)."""
    window: list[Packet] = []
    for packet in packets:
        window.append(packet)
        while _is_outside(window):
            window.pop(0)
    if len(window) < 10:
        return 0.0
    pauses = sorted(
        (later[1] - earlier[1] for earlier, later in pairwise(window)),
        reverse=True,
    )
    total = sum(size for _, _, size in window)
    receiving = window[-1][1] - window[0][1] - pauses[0] + pauses[1]
    sending = window[-1][0] - window[0][0]
    return min(
        (total - window[0][2]) * 8e6 / max(receiving, 1000),
        (total - window[-1][2]) * 8e6 / max(sending, 1000),
    )


def _is_outside(window: list[Packet]) -> bool:
    age = window[-1][1] - window[0][1]
    if len(window) > 500 or (age > 5_000_000 and len(window) > 1):
        return True
    return len(window) > 20 and age > 1_000_000


@pytest.mark.parametrize("pause", [300, 3_000, 30_000, 400_000])
def test_the_rate_is_that_of_a_window_kept_packet_by_packet(pause: int) -> None:
    generator = np.random.default_rng(pause)
    throughput = Throughput(3)
    packets: list[Packet] = []
    sent = came = 0
    checked = 0
    for _ in range(60):
        count = int(generator.integers(1, 30))
        table = np.zeros((3, 1, count), dtype=np.int64)
        for column in range(count):
            sent += int(generator.integers(0, 2 * pause))
            came = max(came, sent + int(generator.integers(20_000, 60_000)))
            table[:, 0, column] = sent, came, generator.integers(60, 1200)
        acked = generator.random((1, count)) > 0.1
        packets += [tuple(part) for part in table[:, 0, acked[0]].T.tolist()]
        throughput.take(np.array([1]), table[0], table[1], table[2], acked)
        wanted = rate_one_by_one(packets)
        if wanted:
            assert throughput.bps[1] == pytest.approx(wanted, rel=1e-9)
            checked += 1
    assert checked > 20
    assert throughput.bps[[0, 2]].tolist() == [0.0, 0.0]
