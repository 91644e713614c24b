"""What a check of the host has found."""

from dataclasses import dataclass
from enum import StrEnum


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
