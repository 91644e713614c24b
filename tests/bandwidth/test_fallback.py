"""Receivers without transport-wide feedback."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from aiortc.rate import AimdRateControl, BandwidthUsage

from sfu.bandwidth.fallback import REMB_VALID, Fallback
from sfu.bandwidth.rows import FEEDBACK, REMB, REPORT, SILENT, Records

ROW = np.array([0])
NOTHING = np.zeros(1)
"""No step beyond what is given."""


def news(flags: int, *, remb: int = 0, loss: int = 0, sent: int = 0) -> Records:
    row = np.zeros(1, dtype=FEEDBACK)
    row["flags"], row["remb_bps"], row["report_loss"] = flags, remb, loss
    row["sent_bytes"] = sent
    return row


def fallback(rate: float) -> Fallback:
    table = Fallback(1)
    table.rate[0] = rate
    return table


def test_follows_the_receivers_own_estimate_while_it_is_fresh() -> None:
    table = fallback(3e5)
    table.update(ROW, news(REMB, remb=2_000_000), 0.0, NOTHING)
    assert table.rate[0] == 2e6
    table.update(ROW, news(REPORT), REMB_VALID + 1.0, NOTHING)
    assert np.isinf(table.remb[0])


def test_much_loss_cuts_some_holds_little_grows() -> None:
    for loss, expected in ((51, 0.9), (13, 1.0)):
        table = fallback(1e6)
        table.update(ROW, news(REPORT, loss=loss), 0.0, NOTHING)
        assert round(table.rate[0] / 1e6, 2) == expected
    table = fallback(1e6)
    for second in range(5):
        table.update(ROW, news(REPORT, sent=125_000), float(second), NOTHING)
    assert 1.2e6 < table.rate[0] < 1.5e6


def test_grows_not_far_beyond_what_is_sent() -> None:
    table = fallback(1e6)
    for second in range(60):
        table.update(ROW, news(REPORT, sent=25_000), float(second), NOTHING)
    assert table.rate[0] < 1.2e6


STEPS = (40_000, 170_000, 420_000)
"""bit/s: sound alone, and what two pictures add."""


def climbing(table: Fallback, capacity: float, remb: int | None) -> Iterator[int]:
    """bit/s that are given in each second, over such a link to a receiver that believes in `remb`
    at first (None: it only reports losses)."""
    receiver = AimdRateControl()
    receiver.current_bitrate, receiver.current_bitrate_initialized = remb or 0, True
    given = STEPS[0]
    for second in range(200):
        arrived = min(given, capacity)
        row = news(REPORT, sent=given // 8, loss=round(256 * (1 - arrived / given)))
        if remb is not None:
            usage = BandwidthUsage.OVERUSING if given > capacity else BandwidthUsage.NORMAL
            row["flags"] |= REMB
            # Delay tells of it long before anything is lost.
            row["report_loss"] = 0
            row["remb_bps"] = receiver.update(usage, int(arrived), 1000 * second)
        above = [each for each in STEPS if each > given]
        table.update(ROW, row, float(second), np.array([above[0] if above else given]))
        given = max(each for each in STEPS if each <= max(table.rate[0], STEPS[0]))
        yield given


@pytest.mark.parametrize("remb", [50_000, None])
def test_who_is_sent_little_is_given_more_again(remb: int | None) -> None:
    given = list(climbing(fallback(50_000), 2e6, remb))
    assert given[20:] == [STEPS[-1]] * 180


@pytest.mark.parametrize("capacity", [250_000, 312_000, 400_000])
@pytest.mark.parametrize("remb", [50_000, None])
def test_a_step_that_does_not_fit_is_taken_back(remb: int | None, capacity: int) -> None:
    given = list(climbing(fallback(50_000), capacity, remb))
    beyond = [second for second, each in enumerate(given) if each == STEPS[-1]]
    assert given.count(STEPS[1]) > 100
    assert beyond
    assert all(later - sooner > 1 for sooner, later in itertools.pairwise(beyond))


def test_who_says_nothing_is_given_nothing_more() -> None:
    table = fallback(50_000)
    for second in range(60):
        table.update(ROW, news(SILENT, sent=5_000), float(second), np.array([170_000.0]))
    assert table.rate[0] == 50_000


def test_what_was_tried_is_not_believed_of_what_has_become_cheaper() -> None:
    table = fallback(50_000)
    for second in range(10):
        table.update(ROW, news(REPORT, sent=5_000), float(second), np.array([400_000.0]))
    assert table.rate[0] >= 400_000
    table.rate[0] = 50_000
    table.update(ROW, news(REPORT, sent=5_000), 11.0, np.array([40_000.0]))
    assert table.rate[0] < 70_000


def test_an_estimate_of_long_ago_is_no_matter() -> None:
    table = fallback(50_000)
    table.update(ROW, news(REMB, remb=60_000), 0.0, NOTHING)
    with np.errstate(all="raise"):
        table.update(ROW, news(REMB | REPORT, remb=70_000), 7_200.0, NOTHING)
    assert table.rate[0] == 70_000
