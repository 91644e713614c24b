"""Rows of feedback are counted."""

from sfu.bandwidth.feedback import FeedbackTotals


def test_counts_rows() -> None:
    totals = FeedbackTotals([("transport", "<u4"), ("lost", "|u1"), ("at", "<i8"), ("rtt", "f4")])
    totals.add(bytes(17 * 3))
    totals.add(b"")
    totals.add(bytes(17))
    assert totals.rows == 4
