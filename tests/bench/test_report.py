"""The tables that people read."""

import dataclasses
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from sfu.bench import report
from sfu.bench.errors import BenchError
from sfu.bench.results import Floor, Forward
from tests.bench.test_results import GOOD

RESULT = dataclasses.replace(GOOD.with_floors([]), us_per_packet=4.5)


def shown(result: Forward) -> str:
    console = Console(file=io.StringIO(), width=200)
    report.show(console, "forward", result.to_json(), {"kernel": "Linux 6"})
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_both_floors_and_what_they_lost_are_told() -> None:
    text = shown(RESULT.with_floors([Floor(100, 2.5, 0), Floor(100, 3.5, 7)]))
    assert "floor before and after 2.50 and 3.50 µs/packet, 7 lost" in text
    assert "1.50" in text  # 4.5 to the mean of both
    assert "goal missed: 4.50 µs per packet" in text
    assert "kernel Linux 6" in text


def test_without_a_floor_nothing_is_said_of_one() -> None:
    text = shown(RESULT)
    assert "before and after" not in text
    assert "1 plane" in text


def test_what_is_saved_is_what_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "forward.json"
    report.save(path, "forward", RESULT.to_json(), {"kernel": "Linux 6"})
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["machine"] == {"kernel": "Linux 6"}
    assert document["forward"] == json.loads(json.dumps(RESULT.to_json()))
    machine, name, result = report.load(path)
    assert (machine, name, result["packets"]) == ({"kernel": "Linux 6"}, "forward", 385_000)


@pytest.mark.parametrize("text", ["", "[]", '{"forward": {}}', '{"machine": {}, "a": {}, "b": {}}'])
def test_a_file_that_is_no_result_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BenchError, match=r"other\.json: not a result"):
        report.load(path)


def test_a_table_for_a_document() -> None:
    assert report.markdown([["a", "b"], ["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"
