"""What a check of the host has found."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

import typer


class Level(StrEnum):
    """How bad a finding is: a server with a `BAD` one does not start or does not work."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """One checked thing; `remedy` is empty when all is well."""

    level: Level
    subject: str
    detail: str
    remedy: str = ""


def show_findings(findings: Sequence[Finding]) -> NoReturn:
    """Prints them as a table and ends the program: with 1 if one is bad."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    colours = {Level.GOOD: "green", Level.DOUBTFUL: "yellow", Level.BAD: "red"}
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("", "what", "found", "remedy"):
        table.add_column(name, overflow="fold")  # a remedy is to be copied: nothing is left out
    for finding in findings:
        level = f"[{colours[finding.level]}]{finding.level}[/]"
        table.add_row(level, *map(escape, (finding.subject, finding.detail, finding.remedy)))
    Console().print(table)
    raise typer.Exit(int(any(finding.level is Level.BAD for finding in findings)))
