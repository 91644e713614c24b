"""Offers that overtake each other, and what the browser client makes of them."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("offers.mjs")


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    """What was answered, told as an error, and put on the slot's stream, by what has happened."""
    done = subprocess.run(["node", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("happened", "answered", "stream"),
    [
        ("lost at once", [["2 0", 2]], "2"),
        ("lost after 1", [["11 0", 11]], "11"),
        ("lost after 2", [["21 0", 21]], "21"),
        ("lost after 3", [["31 0", 31]], "31"),
        ("not told", [["41 0", 41]], "41"),
        ("in turn", [["41 1", 42], ["41 2", 43]], "41"),
        ("replaced", [["41 3", 44]], "41"),
        ("refused for now", [["41 4", 45], ["41 4", 45]], "41"),
    ],
)
def test_the_last_offer_is_answered(
    seen: dict[str, Any], happened: str, answered: list[Any], stream: str
) -> None:
    assert seen[happened] == {"answered": answered, "errors": [], "stream": [stream]}
