"""Traces of links: what is written is read again, what makes no sense is refused."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from sfu.bench import trace
from sfu.bench.trace import (
    Direction,
    Trace,
    TraceError,
    load,
    parse,
    recorded,
    save,
    value_at,
)

DROP = Trace(
    "drop",
    60.0,
    Direction.of(capacity=((0.0, 2.5e6), (20.0, 0.6e6)), delay=0.025, queue_seconds=0.3),
    Direction.of(delay=0.025, loss=0.05),
)


def test_a_trace_survives_the_file(tmp_path: Path) -> None:
    save(DROP, tmp_path / "drop.json")
    assert load(tmp_path / "drop.json") == DROP


def test_what_does_not_limit_is_left_out() -> None:
    document = DROP.to_json()
    assert document["up"] == {"delay": 0.025, "loss": 0.05}
    assert document["down"]["queue"] == [[0.0, 93_750.0], [20.0, 22_500.0]]
    assert parse({"seconds": 1}).down == Direction()
    json.loads(json.dumps(document, allow_nan=False))


def test_values_hold_until_the_next_step() -> None:
    assert value_at(DROP.down.capacity, 0.0) == 2.5e6
    assert value_at(DROP.down.capacity, 19.99) == 2.5e6
    assert value_at(DROP.down.capacity, 20.0) == 0.6e6
    assert value_at(Direction().capacity, 1e9) == math.inf


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"seconds": 0},
        {"seconds": True},
        {"seconds": 1, "name": 1},
        {"seconds": 1, "sideways": {}},
        {"seconds": 1, "down": []},
        {"seconds": 1, "down": {"rate": 1}},
        {"seconds": 1, "down": {"capacity": "fast"}},
        {"seconds": 1, "down": {"capacity": []}},
        {"seconds": 1, "down": {"capacity": [[0, 1], [2]]}},
        {"seconds": 1, "down": {"capacity": [[1, 1]]}},
        {"seconds": 1, "down": {"capacity": [[0, 1], [0, 2]]}},
        {"seconds": 1, "down": {"capacity": -1}},
        {"seconds": 1, "down": {"delay": math.nan}},
        {"seconds": 1, "up": {"loss": 1.01}},
    ],
)
def test_nonsense_is_refused(document: Any) -> None:
    with pytest.raises(TraceError):
        parse(document)


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    for name in ("broken.json", "missing.json"):
        with pytest.raises(TraceError):
            load(tmp_path / name)


def test_recorded_ones_are_of_a_minute_and_more_and_say_where_they_are_from() -> None:
    found = recorded()
    assert len(found) >= 4
    notes = (Path(trace.__file__).with_name("traces") / "README.md").read_text()
    for name, each in found.items():
        assert 60 <= each.seconds <= 120
        assert len(each.down.capacity) > 60
        assert f"`{name}.json`" in notes
    assert "BSD 2-Clause" in notes
