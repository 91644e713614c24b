"""How the browser client comes back after a lost socket, without a browser."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("returns.mjs")


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    """What was sent and told, by what has happened."""
    done = subprocess.run(
        ["node", PROGRAM], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_who_has_waited_counts_all_events(seen: dict[str, Any]) -> None:
    """Older servers did not count in `admitted`."""
    assert (seen["waited"], seen["waitedThen"]) == (3, 3)


def test_who_leaves_while_coming_back_is_gone(seen: dict[str, Any]) -> None:
    gone = {"socket": 2, "state": "closed", "told": ["joined", "closed"]}
    assert seen["leftWhileOpening"] == {**gone, "sent": []}
    assert seen["leftWhileJoining"] == {**gone, "sent": ["join", "leave"]}


def test_who_is_let_in_while_away_has_joined(seen: dict[str, Any]) -> None:
    """By then the devices are watched; only the next time is one of coming back."""
    assert seen["letInWhileAway"] == ["joined", "devices", "resumed"]


def test_who_waited_in_between_publishes_again(seen: dict[str, Any]) -> None:
    assert seen["letInAgain"] == ["joined", "resumed", "published again"]
