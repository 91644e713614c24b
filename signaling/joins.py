"""How many have come into rooms or to their doors, and why others have not."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sfu.errors import Refusal

USUAL: Final = (
    "unauthorized", "invalid_token", "token_expired", "wrong_password", "banned", "room_not_found",
    "room_full", "rate_limited", "overloaded", "draining", "internal",
)  # fmt: skip
"""Counted from 0, so that the first one is seen as a change."""


class Joins:
    """Of one server, since its start."""

    def __init__(self) -> None:
        self.results: Counter[str] = Counter(dict.fromkeys(("admitted", "waiting", "resumed"), 0))
        self.refused: Counter[str] = Counter(dict.fromkeys(USUAL, 0))
        """By code, one of `sfu.errors.CODES`."""

    def came(self, *, inside: bool, again: bool) -> None:
        """Somebody is in, or at the door; `again`: as who they were before."""
        self.results["resumed" if again else "admitted" if inside else "waiting"] += 1

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Counts what it is refused for, if it is, and who is in if not."""
        try:
            yield
        except Refusal as refusal:
            self.refused[refusal.code] += 1
            raise
        except Exception:
            self.refused["internal"] += 1
            raise
        self.came(inside=True, again=False)
