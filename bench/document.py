"""docs/performance.md from results: what stands between two markers is written anew.

    <!-- forward-200 -->
    ...
    <!-- end -->

holds the tables of `forward-200.json`; the prose around it is written by hand.
"""

import re
from pathlib import Path
from typing import Final

from sfu.bench import report
from sfu.bench.errors import BenchError
from sfu.bench.tables import remarks, tables

_PLACE: Final = re.compile(r"(<!-- ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_FACTS: Final = ("cpu", "cores", "kernel", "python", "commit")


def rewrite(page: Path, results: Path) -> list[str]:
    """Fills every place of the page from the file of its name, and gives the names. Raises
    BenchError when a place has no result, or a result no place."""
    text = page.read_text(encoding="utf-8")
    names = [match[2] for match in _PLACE.finditer(text)]
    files = {path.stem for path in results.glob("*.json")}
    if lacking := sorted(set(names) ^ files):
        raise BenchError(f"{page} and {results} do not have the same: {', '.join(lacking)}")
    page.write_text(
        _PLACE.sub(lambda match: match[1] + section(results / f"{match[2]}.json") + match[3], text),
        encoding="utf-8",
    )
    return names


def section(path: Path) -> str:
    """One result as a document has it. Raises BenchError."""
    machine, name, result = report.load(path)
    parts = [report.markdown(rows) for rows in tables(name, result)]
    lines = [*remarks(name, result), *(f"Missed: {text}" for text in result["missed"])]
    if lines:
        parts.append("".join(f"- {line}\n" for line in lines))
    facts = ", ".join(f"{fact} {machine[fact]}" for fact in _FACTS if fact in machine)
    parts.append(f"{facts}.\n")
    return "\n" + "\n".join(parts) + "\n"
