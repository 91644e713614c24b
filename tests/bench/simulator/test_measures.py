"""Rates, times and shares read from bins."""

import numpy as np
import pytest

from sfu.bench.simulator.measures import (
    BIN,
    Measures,
    first_time,
    jain,
    mean_rate,
    trailing,
    wait_of,
)
from sfu.bench.simulator.packets import AUDIO, OVERHEAD, PADDING, REPAIR, VIDEO, Packets
from sfu.bench.simulator.repair import AUDIO_REPAIR

KINDS = np.array([AUDIO, VIDEO, VIDEO, PADDING, REPAIR])


def packets() -> Packets:
    """Of row 1: sound lost, a picture's two packets, padding, the sound again."""
    row = np.ones(5, dtype=np.int64)
    arrival = np.array([np.inf, 0.08, 0.12, 0.12, 0.12])
    slot = np.array([0, 0, 0, -1, AUDIO_REPAIR])
    sent = np.full(5, 0.01)
    wait = np.array([np.inf, 0.02, 0.2, 0.2, 0.2])
    return Packets(row, row * 972, KINDS, slot, row, sent, row * 0, arrival, wait)


def test_packets_are_counted_where_they_belong() -> None:
    measures = Measures(1.0, 2)
    measures.note_packets(packets(), KINDS == REPAIR, 0.01)
    size = 972 + OVERHEAD
    assert measures.sent[0].tolist() == [0, 5 * size]
    assert measures.padding[0, 1] == measures.repairs[0, 1] == size
    assert measures.delivered[:, 1].tolist()[:3] == [0, size, 2 * size]
    assert measures.pictures[:, 1].tolist()[:3] == [0, size, size]
    assert measures.loss().tolist() == [0, 0.2]
    assert (measures.audio_lost[1], measures.audio_repaired[1]) == (1, 1)
    assert measures.wait(0.5)[1] == pytest.approx(0.022)
    assert measures.wait(0.95)[1] == pytest.approx(0.21)


def test_waits_by_quantile() -> None:
    counts = np.zeros((1, 200), dtype=np.int64)
    counts[0, 0], counts[0, 5] = 90, 10
    assert wait_of(counts, 0.9)[0] == pytest.approx(0.002)
    assert wait_of(counts, 0.95)[0] == pytest.approx(0.012)


def test_trailing_rates() -> None:
    column = np.zeros((10, 1))
    column[4] = 1000
    rate = trailing(column, 2 * BIN)[:, 0]
    assert rate.tolist() == pytest.approx([0, 0, 0, 0, 80_000, 80_000, 0, 0, 0, 0])
    assert mean_rate(column, 0.0, 0.5)[0] == pytest.approx(16_000)


def test_when_something_first_holds() -> None:
    condition = np.zeros((20, 2), dtype=bool)
    condition[[3, 12], 0] = True
    assert first_time(condition, 0.0).tolist() == [pytest.approx(0.2), np.inf]
    assert first_time(condition, 0.5)[0] == pytest.approx(0.15)


def test_fairness() -> None:
    fair = jain(np.array([1.0, 1.0, 3.0, 0.0]), np.array([0, 0, 1, 1]))
    assert fair.tolist() == [1.0, 0.5]
