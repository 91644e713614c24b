"""Paths that answer late or not at all."""

import numpy as np
import pytest

from sfu.bandwidth.back_off import BackOff
from sfu.bandwidth.rows import FEEDBACK, SILENT, TRANSPORT_WIDE, Records

ROW, RATE = np.array([0]), np.array([1e6])


def news(flags: int, round_trip_us: int = 0) -> Records:
    row = np.zeros(1, dtype=FEEDBACK)
    row["flags"], row["round_trip_us"] = flags, round_trip_us
    return row


def test_silence_cuts_a_fifth_each_second_and_an_answer_ends_it() -> None:
    table = BackOff(1)
    table.update(ROW, news(TRANSPORT_WIDE, 50_000), 0.0, RATE)
    for half in range(1, 12):
        table.update(ROW, news(SILENT), half / 2, RATE)
    assert table.limit[0] == pytest.approx(0.8**3 * 1e6)
    table.update(ROW, news(TRANSPORT_WIDE, 50_000), 6.0, RATE)
    assert np.isinf(table.limit[0])


def test_a_long_round_trip_cuts_too() -> None:
    table = BackOff(1)
    table.update(ROW, news(TRANSPORT_WIDE, 3_100_000), 0.0, RATE)
    assert table.limit[0] == pytest.approx(0.8e6)


def test_silence_before_any_answer_says_nothing() -> None:
    table = BackOff(1)
    table.update(ROW, news(SILENT), 9.0, RATE)
    assert np.isinf(table.limit[0])
