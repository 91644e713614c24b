"""What a guest knows of a stay, and whether the server's usage record says the same.

Times are in seconds since the epoch: guests and server share one clock.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

SLACK: Final = 1.5
"""Seconds that a busy machine may take from a cause to what follows from it."""


@dataclass(slots=True)
class Visit:
    """One attempt to get into a room."""

    room: str
    identity: str
    asked: float
    outcome: str = "unknown"
    """Or `in`, `waiting`, `refused`: what the server has said last."""
    participant: str = ""
    admitted: float = math.inf
    leaving: float = math.inf
    """When the guest began to leave, or lost the socket."""
    left: float = math.inf
    """When that was acknowledged, or seen."""


def wrong_times(
    visit: Visit, record: Mapping[str, Any], heartbeat: float, slack: float = SLACK
) -> str | None:
    """A stay begins when the guest was let in, and ends when they went or when the server last
    knew of them, which is at most one heartbeat before."""
    joined, left = seconds(record["joined_at"]), seconds(record["left_at"])
    if (record["room"], record["identity"]) != (visit.room, visit.identity):
        return "somebody else's record"
    if not visit.asked - 0.01 <= joined <= visit.admitted + 0.01:
        return "wrong joined_at"
    earliest = max(joined, visit.leaving - heartbeat - slack)
    latest = max(visit.left, visit.admitted)
    if not earliest <= left <= latest + slack:
        return f"left_at is not from {earliest - left:+.1f} to {latest - left:+.1f} s of it"
    return None


def seconds(text: str) -> float:
    """Of a time of RFC 3339, since the epoch."""
    return datetime.fromisoformat(text).timestamp()
