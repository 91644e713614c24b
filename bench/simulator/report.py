"""The bars as a table and as JSON."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table

from sfu.bench.simulator.outcome import FALLS_SHORT, MEDIAN_ONLY, PASSES, Finding, Outcome

_STYLES: Final = {PASSES: "green", MEDIAN_ONLY: "yellow", FALLS_SHORT: "red"}


def show(console: Console, findings: Sequence[Finding]) -> None:
    """One line per measure."""
    table = Table("bar", "measure", "median", "p95", "wanted", "", box=None, padding=(0, 2, 0, 0))
    before = ""
    for each in findings:
        verdict = each.verdict
        sign = "at least " if each.at_least else "at most "
        limit = _number(each.limit, each.unit)
        if each.median_limit is not None:
            limit += f", median {_number(each.median_limit, each.unit)}"
        table.add_row(
            each.bar if each.bar != before else "",
            each.measure,
            _number(each.median, each.unit),
            _number(each.p95, each.unit),
            sign + limit,
            f"[{_STYLES[verdict]}]{verdict}[/]",
        )
        before = each.bar
    console.print(table)
    counts = {verdict: sum(each.verdict == verdict for each in findings) for verdict in _STYLES}
    text = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    console.print(f"{text}; p95 is what 95 % of all rows are at least as good as", highlight=False)


def to_json(
    findings: Sequence[Finding], outcome: Outcome | None, facts: Mapping[str, object]
) -> dict[str, Any]:
    """Everything that was measured, and mean rates per scenario and subscriber."""
    rates = {}
    for name in outcome.names() if outcome is not None else ():
        assert outcome is not None
        seconds = outcome.scenario(name).seconds
        total = outcome.column(name, "delivered").sum(axis=0) * 8 / seconds
        by_subscriber = total.reshape(outcome.rows(name).shape).mean(axis=0)
        rates[name] = [round(each) for each in by_subscriber.tolist()]
    return {
        **facts,
        "bars": [_finding(each) for each in findings],
        "delivered_bps": rates,
    }


def save(path: Path, document: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _finding(each: Finding) -> dict[str, Any]:
    return {
        "bar": each.bar,
        "measure": each.measure,
        "median": _finite(each.median),
        "p95": _finite(each.p95),
        "limit": each.limit,
        "median_limit": each.median_limit,
        "at_least": each.at_least,
        "unit": each.unit,
        "rows": len(each.values),
        "verdict": each.verdict,
    }


def _finite(value: float) -> float | None:
    """None for what was never reached."""
    return value if np.isfinite(value) else None


def _number(value: float, unit: str) -> str:
    if not np.isfinite(value):
        return "never"
    if unit == "s":
        return f"{value * 1e3:.1f} ms" if abs(value) < 0.1 else f"{value:.2f} s"
    return f"{value:.3g}" + (f" {unit}" if unit else "")
