"""Chaos in small: a real server to which everything happens at once, for seconds."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sfu.bench.chaos.run import Chaos, Plan, Sample, measure, wrong_records
from sfu.bench.chaos.troubles import Event
from sfu.bench.stays import Visit

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def _own_cores() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, before)


def test_nobody_is_stuck_and_each_stay_has_its_record(tmp_path: Path) -> None:
    every = {
        "address": 0.5, "network": 1.0, "ICE restart": 1.0, "loss": 2.0,
        "flood": 4.0, "sockets": 4.0, "panic": 4.0,
    }  # fmt: skip
    plan = Plan(8, 2.0, 7.0, 1, every, calm=2.0, resume_timeout=4.0)
    result = measure(plan, lambda *_: None, tmp_path / "log")
    assert (list(result.faults), result.stuck, result.after.present) == ([], 0, 0)
    assert result.counts["panic"] == result.restarts > 0
    assert (tmp_path / "log").read_text().count('"event": "worker restarted"') == result.restarts
    assert result.returns > 0
    assert result.stays > 8
    assert result.after.descriptors <= result.before.descriptors


RECORD = {
    "kind": "participant", "participant": "p-1", "room": "r", "identity": "i",
    "joined_at": "1970-01-01T00:01:40Z", "left_at": "1970-01-01T00:01:50Z",
}  # fmt: skip


def test_a_wrong_record_is_told() -> None:
    def faults(*records: dict[str, str], leaving: float = 109.0) -> int:
        visit = Visit("r", "i", 99.0, "in", "p-1", 101.0, leaving, leaving + 1)
        return len(wrong_records([visit], records))

    assert faults(RECORD) == 0
    assert faults() == faults(RECORD, RECORD) == 1
    assert faults(RECORD, leaving=130.0) == faults(RECORD, leaving=103.0) == 1
    assert (
        faults({**RECORD, "identity": "j"}) == faults(RECORD, {**RECORD, "participant": "q"}) == 1
    )


def test_goals_are_told() -> None:
    samples = [Sample(float(at), 100 + at, 9, 5, 0.0, 0) for at in range(40)]
    after = Sample(50.0, 180, 11, 0, 0.0, 0)
    result = Chaos(
        Plan(5, 1.0, 1.0, 1), samples[0], samples, after, [Event(1.0, "panic")], {"panic": 1},
        7, 7, 0, 0, 1.0, 0, ["one"], 1,
    )  # fmt: skip
    assert len(result.missed()) == 4
