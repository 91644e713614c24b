"""The commands under `sfu bench`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sfu.bench import idle
from sfu.bench.cli import app

pytestmark = pytest.mark.long

runner = CliRunner()


def test_help_lists_the_measurements() -> None:
    result = runner.invoke(app, ["--help"])
    assert result.exit_code == 0
    assert "forward" in result.output


def test_forward_prints_and_saves(tmp_path: Path) -> None:
    path = tmp_path / "forward.json"
    arguments = ["forward", "-n", "2", "--seconds", "1", "--no-floor", "--json", str(path)]
    result = runner.invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "µs/packet" in result.output
    document = json.loads(path.read_text())
    assert document["forward"]["attendees"] == 2
    assert document["forward"]["packets"] > 2 * 100
    assert {"cpu", "kernel", "commit"} <= set(document["machine"])


def test_an_idle_audience_is_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(idle, "SETTLED", 0.1)
    path = tmp_path / "idle.json"
    result = runner.invoke(app, ["idle", "-n", "2", "--seconds", "1", "--json", str(path)])
    assert result.exit_code == 0, result.output
    found = json.loads(path.read_text())["idle"]
    assert (found["attendees"], 0 < found["busy"] < 1) == (2, True)
    assert found["busy"] == pytest.approx(sum(found["threads"].values()))


def test_a_failure_is_said_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SFU_MEDIA__TRANSPORTS", "many")
    result = runner.invoke(app, ["forward", "-n", "2", "--seconds", "1", "--no-floor"])
    assert result.exit_code == 1
    assert "transports" in result.output
    assert "Traceback" not in result.output


def test_a_call_over_an_unknown_link_is_refused() -> None:
    result = runner.invoke(app, ["call", "--trace", "nowhere"])
    assert result.exit_code == 1
    assert "nowhere: no such file" in result.output
