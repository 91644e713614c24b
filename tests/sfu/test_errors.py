"""The table of codes covers what the code raises."""

import ast
from pathlib import Path

import pytest

from sfu.errors import CODES, Refusal

ROOT = Path(__file__).parents[2]


def raised() -> set[str]:
    """The codes of every Refusal, TokenError and NegotiationError in the sources."""
    codes = set()
    for path in [*ROOT.glob("sfu/*.py"), *ROOT.glob("signaling/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                known = node.func.id in ("Refusal", "TokenError", "NegotiationError")
                if known and node.args and isinstance(node.args[0], ast.Constant):
                    codes.add(str(node.args[0].value))
    return codes


def test_every_code_that_is_raised_is_in_the_table() -> None:
    assert len(raised()) > 20
    assert raised() <= CODES.keys()


def test_every_code_has_a_status_and_a_meaning() -> None:
    for status, meaning in CODES.values():
        assert 400 <= status < 600
        assert meaning.endswith(".")


def test_an_unknown_code_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        Refusal("whatever", "x")
