"""Ticks are timed with feedback for as many rows as are asked for."""

import numpy as np

from sfu.bench.simulator.cpu import cost, record, time_ticks


def test_recorded_feedback_is_copied_for_all_rows() -> None:
    ticks = record(1.0)
    assert len(ticks) == 20
    assert sum(len(feedback) for _, feedback, _ in ticks) > 100
    took = time_ticks(ticks, 130)
    assert len(took) == 15
    assert (took > 0).all()


def test_each_size_is_a_finding() -> None:
    findings = list(cost({10: 1.0, 20: 1.0}, 0.5))
    assert [each.measure for each in findings] == ["tick with 10 rows", "tick with 20 rows"]
    assert all(np.isfinite(each.p95) for each in findings)
