"""What a cluster found, and which one is sent next."""

import numpy as np
import pytest

from sfu.bandwidth.clusters import Clusters, measured
from sfu.bandwidth.rows import FEEDBACK, PROBED, RATES, START_PROBE, Records


def news(send: int, receive: int, packets: int = 10) -> Records:
    row = np.zeros(1, dtype=FEEDBACK)
    row["flags"], row["probe_packets"] = PROBED, packets
    row["probe_send_bps"], row["probe_receive_bps"] = send, receive
    return row


@pytest.mark.parametrize(
    ("send", "receive", "found"),
    [
        (1_000_000, 950_000, 950_000),
        (1_000_000, 1_900_000, 1_000_000),
        (1_000_000, 2_100_000, 0),
        (1_000_000, 500_000, 475_000),
        (1_000_000, 0, 0),
        (0, 1_000_000, 0),
    ],
)
def test_rates_are_those_of_goog_cc(send: int, receive: int, found: int) -> None:
    assert measured(news(send, receive))[0] == pytest.approx(found)


def test_few_packets_are_believed_less() -> None:
    few, many = (measured(news(10**6, 5 * 10**5, n), close=True)[0] for n in (5, 50))
    assert 475_000 < few < many < 500_000


def test_clusters_leave_one_per_tick_and_numbers_go_round() -> None:
    clusters = Clusters(1)
    row = np.array([0])
    clusters.number[0] = 0xFFFF
    clusters.put(row, np.array([1e6]), np.array([2e6]))
    sent = []
    for _ in range(3):
        rates = np.zeros(1, dtype=RATES)
        clusters.start(row, rates)
        sent.append((int(rates["flags"][0]), int(rates["probe"][0]), int(rates["probe_bps"][0])))
    assert sent == [(START_PROBE, 1, 1_000_000), (START_PROBE, 2, 2_000_000), (0, 0, 0)]
