"""Results as tables and as JSON; the tables of the terminal are those of the documents."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from sfu.bench.errors import BenchError
from sfu.bench.tables import Rows, remarks, tables


def show(console: Console, name: str, result: Mapping[str, Any], facts: Mapping[str, str]) -> None:
    """Prints what was measured, on which machine, and which goals were missed."""
    for rows in tables(name, result):
        console.print(_table(rows))
    for text in remarks(name, result):
        console.print(text, highlight=False, markup=False)
    console.print("; ".join(f"{name} {value}" for name, value in facts.items()), highlight=False)
    for text in result["missed"]:
        console.print(f"[yellow]goal missed:[/] {text}", highlight=False)


def save(path: Path, name: str, result: Mapping[str, Any], facts: Mapping[str, str]) -> None:
    """Writes everything as JSON."""
    document = {"machine": dict(facts), name: result}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def load(path: Path) -> tuple[dict[str, str], str, dict[str, Any]]:
    """The machine's facts, which measurement it was, and what it gave. Raises BenchError."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        machine = document.pop("machine")
        ((name, result),) = document.items()
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise BenchError(f"{path}: not a result of sfu bench: {error}") from error
    return machine, name, result


def markdown(rows: Rows) -> str:
    """A table as documents have it."""
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _table(rows: Rows) -> Table:
    table = Table(*rows[0], box=None, padding=(0, 2, 0, 0))
    for row in rows[1:]:
        table.add_row(*row)
    return table
