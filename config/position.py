"""Where a key stands in the text of a TOML file.

`tomllib` tells no positions. This scan reads only as much of TOML as is needed
to follow headers and keys at the start of lines; where it loses track (inline
tables), the line of the enclosing key is the answer.
"""

import re
from collections.abc import Sequence


def line_of(text: str, path: Sequence[str]) -> int | None:
    """Line, from 1, of the key at `path`, else of the nearest table or key around it."""
    lines = positions(text)
    for length in range(len(path), 0, -1):
        line = lines.get(tuple(path[:length]))
        if line is not None:
            return line
    return None


def positions(text: str) -> dict[tuple[str, ...], int]:
    """Line of every table header and every key that begins a line; the first one counts."""
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    open_until = ""
    for number, line in enumerate(text.splitlines(), 1):
        if open_until:
            if open_until in line:
                open_until = ""
            continue
        if header := _HEADER.match(line):
            table = _parts(header[1])
            lines.setdefault(table, number)
        elif pair := _PAIR.match(line):
            lines.setdefault(table + _parts(pair[1]), number)
            open_until = _opened(pair[2])
    return lines


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _KEY.findall(dotted))


def _opened(value: str) -> str:
    """What ends a value that goes on in later lines, or nothing."""
    for quotes in ('"""', "'''"):
        if value.startswith(quotes) and value.count(quotes) % 2:
            return quotes
    return "]" if value.startswith("[") and "]" not in value else ""


_NAME = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_DOTTED = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_KEY = re.compile(_NAME)
_HEADER = re.compile(rf"\s*\[\[?\s*({_DOTTED})\s*\]")
_PAIR = re.compile(rf"\s*({_DOTTED})\s*=\s*(.*)")
