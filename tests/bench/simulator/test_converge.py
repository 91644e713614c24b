"""The whole measurement, as the command runs it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sfu.bench.cli import app
from sfu.bench.simulator.converge import file_name

runner = CliRunner()


def test_the_command_judges_draws_and_saves(tmp_path: Path) -> None:
    path = tmp_path / "bars.json"
    arguments = ["converge", "startup 1.5M", "drop", "-n", "1", "--seconds", "5", "--no-cpu"]
    result = runner.invoke(app, [*arguments, "--json", str(path), "-o", str(tmp_path / "plots")])
    assert result.exit_code == 0, result.output
    assert "B1" in result.output
    assert "B15" in result.output
    document = json.loads(path.read_text())
    assert document["seeds"] == 1
    assert document["delivered_bps"]["drop"][0] > 500_000
    assert {"B1", "B15"} <= {each["bar"] for each in document["bars"]}
    names = {each.name for each in (tmp_path / "plots").iterdir()}
    assert names == {"startup-1.5M.png", "drop.png", "drop-elastic.png"}


def test_scenarios_are_listed() -> None:
    result = runner.invoke(app, ["converge", "--list", "jitter"])
    assert "jitter, backlogged: 120 s" in result.output


def test_an_unknown_scenario_is_named() -> None:
    result = runner.invoke(app, ["converge", "nonsense"])
    assert result.exit_code == 1
    assert "nonsense" in result.output


@pytest.mark.parametrize(
    ("name", "wanted"), [("Wi-Fi to LTE", "Wi-Fi-to-LTE"), ("drop, elastic", "drop-elastic")]
)
def test_file_names(name: str, wanted: str) -> None:
    assert file_name(name) == wanted
