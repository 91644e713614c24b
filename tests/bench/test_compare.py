"""Ratios of servers that were measured in turns."""

from dataclasses import replace
from pathlib import Path

import pytest

from sfu.bench.compare import Comparison, Plan, Ratio, Run, measure
from sfu.bench.results import Forward
from sfu.bench.shape import Shape
from sfu.bench.tables import remarks, tables
from tests.bench.test_report import RESULT

SHAPE = Shape(200)


def run(server: str, round: int, us: float) -> Run:
    result: Forward = replace(RESULT, us_per_packet=us, profile="AEAD_AES_128_GCM")
    return Run(server, SHAPE, round, result)


COMPARISON = Comparison(
    {"sfu": "abc", "janus": "1.1.2", "livekit": "1.9"},
    ["mediasoup is not there"],
    [
        *(run("sfu", round, us) for round, us in enumerate((3.0, 4.0, 5.0))),
        *(run("janus", round, us) for round, us in enumerate((9.0, 10.0, 11.0))),
        run("livekit", 0, 30.0),
        Run("livekit", SHAPE, 1, None, "it broke\nat line 7"),
    ],
)


def test_ratios_are_of_the_same_round() -> None:
    assert COMPARISON.ratio("janus", SHAPE) == Ratio(2.5, 2.2, 3.0)
    assert COMPARISON.ratio("livekit", SHAPE) == Ratio(10.0, 10.0, 10.0)
    assert COMPARISON.ratio("mediasoup", SHAPE) is None
    assert COMPARISON.missed() == [f"{SHAPE}: Janus takes 2.50 times ours, not 3.0"]


def test_the_table_has_spreads_and_failures() -> None:
    document = COMPARISON.to_json()
    ((head, *rows),) = tables("compare", document)
    assert all(len(row) == len(head) for row in rows)
    cells = {row[1]: row[2:4] for row in rows}
    assert cells["sfu abc"] == ["4.0 (3.0 to 5.0, 3)", "1"]
    assert cells["janus 1.1.2"] == ["10.0 (9.0 to 11.0, 3)", "2.50 (2.20 to 3.00)"]
    told = remarks("compare", document)
    assert "mediasoup is not there" in told
    assert "livekit, round 2: it broke" in told


def test_servers_that_are_not_here_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sfu.bench.compare.prepare", lambda _: (None, None))
    folders = dict.fromkeys(("janus", "livekit", "mediasoup"), tmp_path)
    comparison = measure(Plan(list(folders), [SHAPE], 2, 1.0, folders), lambda *_: None)
    assert (comparison.runs, len(comparison.missing)) == ([], 3)
