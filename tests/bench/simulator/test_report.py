"""The table and the JSON document of findings."""

import json

import numpy as np
from rich.console import Console

from sfu.bench.simulator.outcome import Finding
from sfu.bench.simulator.report import show, to_json

FINDINGS = [
    Finding("B1", "in time", np.array([0.05, 0.06]), 0.2),
    Finding("B1", "too late", np.array([np.inf, np.inf]), 2.0, median_limit=1.0),
    Finding("B4", "use", np.array([0.95, 0.96]), 0.92, True, ""),
]


def test_each_finding_is_a_line_with_its_verdict() -> None:
    console = Console(record=True, width=120)
    show(console, FINDINGS)
    lines = console.export_text().splitlines()
    assert "60.0 ms" in lines[1]
    assert "at most 0.20 s" in lines[1]
    assert "pass" in lines[1]
    assert "never" in lines[2]
    assert "median 1.00 s" in lines[2]
    assert "falls short" in lines[2]
    assert "at least 0.92" in lines[3]
    assert lines[4].startswith("2 pass, 0 median only, 1 falls short")


def test_the_document_is_json() -> None:
    document = to_json(FINDINGS, None, {"seeds": 2})
    text = json.dumps(document, allow_nan=False)
    assert json.loads(text)["bars"][1]["median"] is None
    assert document["seeds"] == 2
    assert [each["rows"] for each in document["bars"]] == [2, 2, 2]
