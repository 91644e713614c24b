"""Joins and leaves in small: a real server, and what it keeps of those who have gone."""

import os
from collections.abc import Iterator

import pytest

from sfu.bench import churn
from sfu.bench.churn import Churn, Plan, Sample, measure


@pytest.fixture(autouse=True)
def _own_cores() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, before)


def test_who_stays_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(churn, "GOING", 1.0)
    monkeypatch.setattr(churn, "SAMPLE", 0.5)
    result = measure(Plan(stayers=2, rate=5.0, stay=0.5, seconds=1.5), lambda *_: None)
    assert (result.joins, result.leaves, result.failed) == (8, 8, 0)
    assert result.after.lost == 0
    assert (result.samples[1].present > 0, result.after.present) == (True, 0)


def test_growth_is_told() -> None:
    samples = [Sample(float(at), 100 + 2 * at, 9, 0, 0) for at in range(40)]
    result = Churn(
        Plan(1, 1.0, 1.0, 1.0), samples[0], samples, Sample(50.0, 180, 11, 0, 3), 1, 1, [], 0
    )
    assert result.growth == pytest.approx(168 / 128 - 1, abs=0.02)
    assert len(result.missed()) == 3
