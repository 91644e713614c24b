"""What is wrong with the settings, said so that it can be put right without looking anything up."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One finding.

    `source` is a file name or an environment variable; `line` counts from 1,
    None where unknown; `key` is a dotted path, empty for the file as a whole.
    """

    source: str
    key: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        return ": ".join(part for part in (place, self.key, self.message) if part)


class ConfigError(Exception):
    """Settings that cannot be used; `problems` holds every finding, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))
