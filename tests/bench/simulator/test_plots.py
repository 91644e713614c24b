"""Plots are drawn, and what is missing for that is said."""

import sys
from pathlib import Path

import pytest

from sfu.bench.simulator.plots import MissingMatplotlib, draw, pyplot
from sfu.bench.simulator.run import choose, simulate


def test_scenarios_are_drawn(tmp_path: Path) -> None:
    outcome = simulate(choose(["drop", "5.4"], 1.0), 1)
    for name in outcome.names():
        draw(outcome, name, tmp_path / "x.png")
        assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingMatplotlib, match=r"open-sfu\[bench\]"):
        pyplot()
