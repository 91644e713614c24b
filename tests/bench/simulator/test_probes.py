"""Clusters: their rates, and when they have failed."""

import numpy as np
import pytest

from sfu.bench.simulator.packets import VIDEO, Packets
from sfu.bench.simulator.probes import Cluster, Probes

NOTHING = np.zeros(2, dtype=np.int64)
"""Numbers reported on, per row."""


def cluster(count: int, send_us: int, receive_us: int) -> Cluster:
    """Ten packets sent, some received."""
    made = Cluster()
    made.sent_packets, made.sent_bytes = 10, 10_000
    at = np.arange(count)
    made.add(at * send_us, 50_000 + at * receive_us, np.full(count, 1000))
    return made


def test_rates_are_those_of_sending_and_of_arrival() -> None:
    result = cluster(10, 1000, 2000).result(3)
    assert result["probe"] == 3
    assert result["probe_send_bps"] == 8_000_000
    assert result["probe_receive_bps"] == 4_000_000
    assert result["probe_packets"] == 10
    assert result["probe_bytes"] == 10_000


@pytest.mark.parametrize(
    ("count", "send_us", "receive_us"), [(7, 1000, 1000), (10, 1000, 120_000), (10, 1000, 0)]
)
def test_too_little_or_too_long_is_a_failure(count: int, send_us: int, receive_us: int) -> None:
    assert cluster(count, send_us, receive_us).result(1)["probe_receive_bps"] == 0


@pytest.mark.parametrize(
    "sizes", [(1200, 300, 300, 300, 300), (300, 300, 300, 1200), (1100, 1200, 1200, 160)]
)
@pytest.mark.parametrize("capacity", [1e6, 1e8])
def test_other_sizes_at_the_ends_say_nothing_of_the_path(
    sizes: tuple[int, ...], capacity: float
) -> None:
    made = Cluster()
    made.sent_packets = 1
    size = np.array(sizes)
    sent = np.concatenate(([0], np.cumsum(size)[:-1])) * 4  # 2 Mbit/s
    came, free = [], 0.0
    for at, each in zip(sent, size, strict=True):
        free = max(free, at) + each * 8e6 / capacity
        came.append(free)
    made.add(sent, np.array(came).astype(np.int64), size)
    result = made.result(1)
    assert result["probe_send_bps"] == pytest.approx(2e6, rel=0.01)
    assert result["probe_receive_bps"] == pytest.approx(min(capacity, 2e6), rel=0.05)


def test_a_cluster_that_nobody_reports_on_ends_after_a_second() -> None:
    probes = Probes(2)
    one = np.ones(1, dtype=np.int64)
    time = np.zeros(1)
    packets = Packets(one, one * 500, one * VIDEO, one, one, time, one * 9, time, time)
    probes.record(one, np.array([4]), packets)
    assert probes.finish(5.0, NOTHING) == [], "it is still being sent"
    probes.end(1, 9, 5.0)
    assert probes.finish(5.9, NOTHING) == []
    ((row, result),) = probes.finish(6.1, NOTHING)
    assert (row, result["probe"], result["probe_receive_bps"]) == (1, 9, 0)
    assert probes.finish(7.0, NOTHING) == []


def test_packets_of_one_burst_are_no_measure_of_the_whole() -> None:
    made = Cluster()
    made.sent_packets = 1
    sent = np.array([0, 5_000, 5_000, 5_000, 10_000])
    made.add(sent, sent, np.array([1_200, 500, 500, 500, 200]))
    assert made.result(1)["probe_send_bps"] == pytest.approx(2_700 * 8 * 100, rel=0.2)


def test_a_late_packet_at_an_end_is_no_other_path() -> None:
    for end in (0, 9):
        made = Cluster()
        made.sent_packets = 10
        at = np.arange(10)
        made.add(at * 4_000, at * 8_000 + 7_000 * (at == end), np.full(10, 1000))
        assert made.result(1)["probe_receive_bps"] == pytest.approx(1e6, rel=0.07)
