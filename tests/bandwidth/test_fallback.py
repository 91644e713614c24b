"""Receivers without transport-wide feedback."""

import numpy as np

from sfu.bandwidth.fallback import REMB_VALID, Fallback
from sfu.bandwidth.rows import FEEDBACK, REMB, REPORT, Records

ROW = np.array([0])


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
    table.update(ROW, news(REMB, remb=2_000_000), 0.0)
    assert table.rate[0] == 2e6
    table.update(ROW, news(REPORT), REMB_VALID + 1.0)
    assert np.isinf(table.remb[0])


def test_much_loss_cuts_some_holds_little_grows() -> None:
    for loss, expected in ((51, 0.9), (13, 1.0)):
        table = fallback(1e6)
        table.update(ROW, news(REPORT, loss=loss), 0.0)
        assert round(table.rate[0] / 1e6, 2) == expected
    table = fallback(1e6)
    for second in range(5):
        table.update(ROW, news(REPORT, sent=125_000), float(second))
    assert 1.2e6 < table.rate[0] < 1.5e6


def test_grows_not_far_beyond_what_is_sent() -> None:
    table = fallback(1e6)
    for second in range(60):
        table.update(ROW, news(REPORT, sent=25_000), float(second))
    assert table.rate[0] < 1.2e6
