"""Whether Cargo.lock has crates of which RustSec knows a hole: `python tests/rustsec.py FOLDER`, a
clone of its database. What `cargo audit` does, without building that; see `make audit`."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parents[1] / "Cargo.lock"
OPERATORS = {
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
    "=": lambda one, other: one == other,
}

Version = tuple[int, int, int]


def version(text: str) -> Version:
    """Missing parts are 0. What comes before a release counts as the release."""
    parts = [int(part) for part in re.split(r"[-+]", text)[0].split(".")]
    return (*parts, 0, 0, 0)[:3]  # type: ignore[return-value]  # three by the slice


def meets(found: Version, requirement: str) -> bool:
    """Whether a version is within a requirement of Cargo's, such as ">= 1.2.3, < 2" or "^0.4.7"."""
    for part in requirement.split(","):
        matched = re.fullmatch(r"\s*(<=|>=|<|>|=|\^|~)?\s*([0-9A-Za-z.+-]+)\s*", part)
        if matched is None:
            raise ValueError(f"no requirement: {requirement}")
        operator, wanted = matched[1] or "^", version(matched[2])
        if operator in OPERATORS:
            if not OPERATORS[operator](found, wanted):
                return False
        elif not wanted <= found < _next(wanted, matched[2], tilde=operator == "~"):
            return False
    return True


def _next(wanted: Version, text: str, *, tilde: bool) -> Version:
    """The first version that is not compatible any more."""
    given = text.count(".") + 1
    kept = min(given, 2) - 1 if tilde else next((i for i in range(3) if wanted[i]), given - 1)
    parts = [*wanted[:kept], wanted[kept] + 1, 0, 0]
    return parts[0], parts[1], parts[2]


def holes(lock: dict[str, Any], database: Path) -> Iterator[tuple[str, bool]]:
    """Each as a line, and whether it is more than a notice."""
    for package in lock["package"]:
        found = version(package["version"])
        for file in sorted((database / "crates" / package["name"]).glob("*.md")):
            head = file.read_text(encoding="utf-8").split("```")[1].removeprefix("toml")
            advisory = tomllib.loads(head)
            about, versions = advisory["advisory"], advisory["versions"]
            good = [*versions.get("patched", ()), *versions.get("unaffected", ())]
            if "withdrawn" in about or any(meets(found, each) for each in good):
                continue
            kind = about.get("informational", "")
            name = f"{package['name']} {package['version']}"
            remedy = ", ".join(versions.get("patched", ())) or "none"
            yield f"{name}: {about['id']} {kind or 'vulnerable'}; mended in: {remedy}", not kind


def main(database: Path) -> int:
    """Prints what is known; 1 if that is a hole."""
    if not (database / "crates").is_dir():
        print(f"{database} is no clone of RustSec's database", file=sys.stderr)
        return 1
    lock = tomllib.loads(LOCK.read_text(encoding="utf-8"))
    found = list(holes(lock, database))
    for line, _ in found:
        print(line)
    print(f"Cargo.lock: {len(lock['package'])} crates, {sum(bad for _, bad in found)} with a hole")
    return int(any(bad for _, bad in found))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
