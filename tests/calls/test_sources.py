"""Own sources of the browser client, where calls, devices and answers overtake each other: without
a browser."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("sources.mjs")


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    """What came of calls, devices and sources, by what has happened."""
    done = subprocess.run(
        ["node", PROGRAM], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("happened", "calls", "muted"),
    [
        ("muted while it is being published", ["ok", "ok"], True),
        ("unmuted and muted at once", ["ok", "ok"], True),
        ("published again while muted", ["ok"], True),
        ("muted in vain, then published", ["not_published", "ok"], False),
    ],
)
def test_client_and_server_agree_on_what_is_muted(
    seen: dict[str, Any], happened: str, calls: list[str], muted: bool
) -> None:
    assert seen[happened] == {
        "calls": calls, "muted": muted, "enabled": not muted, "server": muted,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("happened", "calls", "local"),
    [
        ("ended while another device is looked for", ["ok"], ["microphone", "no microphone"]),
        ("left while another device is looked for", ["ok", "capture_ended"], ["camera"]),
        ("left before the person has said yes", ["ok", "capture_ended"], []),
        (
            "left while a publish waits for its turn",
            ["ok", "connection_closed", "connection_closed"],
            [],
        ),
        (
            "a screen that the server has ended",
            ["ok"],
            ["screen", "screen_audio", "no screen", "no screen_audio"],
        ),
        (
            "a screen whose end is refused",
            ["rate_limited"],
            ["screen", "screen_audio", "no screen", "no screen_audio"],
        ),
        ("refused in place of another", ["not_allowed"], ["camera", "no camera"]),
        ("refused while another device is looked for", ["not_allowed"], []),
        ("refused with another device in its place", ["not_allowed"], []),
        ("answered too late", ["timeout"], ["no camera"]),
    ],
)
def test_what_is_over_leaves_no_device_in_use(
    seen: dict[str, Any], happened: str, calls: list[str], local: list[str]
) -> None:
    after = seen[happened]
    assert (after["calls"], after["local"]) == (calls, local)
    assert (after["live"], after["sources"]) == (0, [])
    assert after["connections"] == (0 if happened.startswith("left") else 1)


def test_the_server_is_told_of_what_is_over(seen: dict[str, Any]) -> None:
    for happened in ("refused in place of another", "answered too late"):
        assert seen[happened]["server"] == [], happened


def test_what_ends_before_its_turn_is_not_published(seen: dict[str, Any]) -> None:
    after = seen["stopped before its turn"]
    assert after["calls"] == ["ok", "capture_ended"]
    assert (after["live"], after["sources"], after["server"]) == (1, ["microphone"], ["microphone"])


def test_the_sound_of_a_screen_ends_with_it(seen: dict[str, Any]) -> None:
    after = seen["another screen, without sound"]
    assert (after["live"], after["sources"], after["server"]) == (1, ["screen"], ["screen"])


def test_where_one_camera_opens_at_a_time_it_makes_room(seen: dict[str, Any]) -> None:
    after = seen["one camera at a time"]
    assert (after["calls"], after["live"]) == (["ok"], 1)
    assert after["local"] == ["camera", "camera"]


def test_a_camera_that_made_room_in_vain_comes_back(seen: dict[str, Any]) -> None:
    after = seen["a camera that is busy"]
    assert (after["calls"], after["live"], after["sources"]) == (["device_busy"], 1, ["camera"])


def test_a_check_of_sound_that_the_browser_does_not_allow_yet_says_so(seen: dict[str, Any]) -> None:
    """And keeps neither the microphone nor what would have sounded."""
    after = seen["sound in a page that nobody has touched"]
    assert after == {"calls": ["gesture_missing"] * 2, "live": 0, "sounds": 0}
