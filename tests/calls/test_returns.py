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


def test_a_refusal_is_an_answer(seen: dict[str, Any]) -> None:
    assert seen["refusedWord"] == {"asked": "stats", "sockets": 1, "state": "joined"}


def test_who_leaves_does_not_wait_for_a_network_that_is_gone(seen: dict[str, Any]) -> None:
    left = seen["leftInSilence"]
    assert left.pop("longest") <= 2000
    assert left == {"how": "ok", "state": "closed", "told": ["joined", "closed"]}


def test_what_comes_after_the_end_opens_nothing(seen: dict[str, Any]) -> None:
    assert seen["offeredTooLate"] == 0


def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(seen: dict[str, Any]) -> None:
    assert seen["askedToWait"] == 1


def test_a_server_that_was_started_anew_is_told_what_is_looked_at(seen: dict[str, Any]) -> None:
    view = {"type": "view", "layout": "gallery", "slots": {"seat-0": {"max_height": 180}}}
    assert seen["startedAnew"] == {"said": view, "known": [0, 0, 0]}


def test_many_do_not_come_back_at_once(seen: dict[str, Any]) -> None:
    """Of those who lost their sockets at one moment, the most in a tenth of a second."""
    assert seen["herd"] < 0.05 * 2000


def test_a_client_that_never_came_in_leaves_nothing_behind(seen: dict[str, Any]) -> None:
    assert seen["listeners"] == 0


def test_who_gets_no_media_is_told_once(seen: dict[str, Any]) -> None:
    """And again when that comes back; it is tried on all the while."""
    assert seen["noWay"] == ["media_unreachable", "-", "media_unreachable", "-"]


def test_a_token_that_never_comes_is_asked_for_again(seen: dict[str, Any]) -> None:
    assert seen["tokenThatNeverComes"] == ["joined", "third"]
