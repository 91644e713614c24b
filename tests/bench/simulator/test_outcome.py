"""Findings and their verdicts."""

import numpy as np
import pytest

from sfu.bench.simulator.outcome import (
    FALLS_SHORT,
    MEDIAN_ONLY,
    PASSES,
    Finding,
    pooled,
    ratio,
)

VALUES = np.arange(1.0, 21.0)


def test_the_95th_percentile_is_the_bad_side() -> None:
    assert Finding("B1", "time", VALUES, 30.0).p95 == pytest.approx(19.0)
    assert Finding("B4", "use", VALUES, 0.0, at_least=True).p95 == pytest.approx(2.0)
    assert Finding("B1", "time", VALUES, 30.0).median == 10.5


@pytest.mark.parametrize(
    ("limit", "at_least", "verdict"),
    [
        (30.0, False, PASSES),
        (15.0, False, MEDIAN_ONLY),
        (5.0, False, FALLS_SHORT),
        (1.0, True, PASSES),
        (8.0, True, MEDIAN_ONLY),
        (15.0, True, FALLS_SHORT),
    ],
)
def test_verdicts(limit: float, at_least: bool, verdict: str) -> None:
    assert Finding("B", "x", VALUES, limit, at_least).verdict == verdict


def test_a_stricter_median() -> None:
    assert Finding("B2", "x", VALUES, 30.0, median_limit=5.0).verdict == FALLS_SHORT
    assert Finding("B2", "x", VALUES, 30.0, median_limit=12.0).verdict == PASSES


def test_what_was_never_reached_falls_short() -> None:
    assert Finding("B", "x", np.full(3, np.inf), 10.0).verdict == FALLS_SHORT
    assert Finding("B", "x", np.empty(0), 10.0).verdict == FALLS_SHORT


def test_parts_and_pools() -> None:
    assert ratio(np.array([1.0, 0.0]), np.array([2.0, 0.0])).tolist() == [0.5, 1.0]
    assert pooled([np.array([1.0]), np.array([2.0])]).tolist() == [1.0, 2.0]
    assert pooled([]).tolist() == []
