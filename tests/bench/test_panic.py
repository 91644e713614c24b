"""A panic in small: a real server on two workers, one of which panics once."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sfu.bench.chaos import panic
from sfu.bench.chaos.panic import ELSEWHERE, ELSEWHERE_AFTER, HERE, PUBLISHING, Group, Panics, Plan
from sfu.bench.tables import remarks, tables


@pytest.fixture(autouse=True)
def _own_cores() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, before)


def test_everybody_has_pictures_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(panic, "SETTLE", 0.5)
    result = panic.measure(Plan(4, 2, rounds=1), lambda *_: None, tmp_path / "log")
    counts = {group.name: group.count for group in result.groups}
    assert counts.keys() == {PUBLISHING, HERE, ELSEWHERE, ELSEWHERE_AFTER}
    assert (counts[PUBLISHING], counts[HERE] + counts[ELSEWHERE]) == (2, 4)
    assert (result.late, list(result.faults), result.restarts) == (0, [], 1)
    for group in result.groups:
        assert 0.0 < group.p50 <= group.p95 <= group.most < math.inf
    assert '"event": "worker restarted"' in (tmp_path / "log").read_text()


def test_goals_and_figures_are_told() -> None:
    group = Group(HERE, 4, 0.1, 0.2, 0.3, 0.4, 3.5, math.inf)
    result = Panics(Plan(4, 1, 2), [group], 1, 1, ["guest-1: no picture"])
    assert len(result.missed()) == 4
    (rows,) = tables("panic", result.to_json())
    assert rows[1] == [HERE, "4", "0.10", "0.20", "0.30", "0.40", "3.50", "inf"]
    assert remarks("panic", result.to_json())[-1] == "guest-1: no picture"
