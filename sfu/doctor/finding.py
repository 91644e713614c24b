"""What a check of the host has found."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NoReturn

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
    """Prints them as a table, a remedy below what it is for, and ends the program: with 1 if one
    is bad."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    colours = {Level.GOOD: "green", Level.DOUBTFUL: "yellow", Level.BAD: "red"}
    console = Console()
    if not console.is_terminal:
        console.width = UNBOUND
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for _ in range(3):
        table.add_column(overflow="fold")  # a remedy is to be copied: nothing is left out
    for finding in findings:
        found = Text(finding.detail)
        if finding.remedy:
            found.append(f"\n→ {finding.remedy}", "bold")
        table.add_row(Text(finding.level, colours[finding.level]), finding.subject, found)
    console.print(table)
    raise typer.Exit(int(any(finding.level is Level.BAD for finding in findings)))


UNBOUND: Final = 240
"""Columns of what is printed to no terminal: nothing is cut for a file or a program."""
