"""Columns of packets."""

import numpy as np

from sfu.bench.simulator.packets import Packets, first_of_runs


def test_runs_of_equal_keys() -> None:
    starts, place = first_of_runs(np.array([4, 4, 4, 7, 2, 2]))
    assert starts.tolist() == [0, 3, 4]
    assert place.tolist() == [0, 1, 2, 0, 0, 1]
    starts, place = first_of_runs(np.empty(0, dtype=np.int64))
    assert len(starts) == len(place) == 0


def test_some_of_them() -> None:
    five = np.arange(5)
    times = np.linspace(0.0, 0.4, 5)
    packets = Packets(five, five + 100, five, five, five, times, five, times, times)
    some = packets.take(packets.row > 2)
    assert some.size.tolist() == [103, 104]
    assert len(some) == 2
    assert len(Packets()) == 0
