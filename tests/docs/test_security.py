"""docs/security.md: every test that it names is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`((?:tests|sfu)/[\w/]+\.(?:py|rs))(?:::(\w+))?`", PAGE)))


def test_the_page_names_tests() -> None:
    assert len(NAMED) > 35


@pytest.mark.parametrize(("file", "test"), NAMED, ids=lambda each: each.rsplit("/", 1)[-1])
def test_what_it_names_is_there(file: str, test: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert not test or re.search(rf"^\s*(?:async )?(?:def|fn) {test}\(", text, re.MULTILINE)


def test_every_threat_has_one() -> None:
    rows = re.findall(r"^\| (.+?) \| .+ \| (.+?) \|$", PAGE, re.MULTILINE)
    threats = [(threat, held) for threat, held in rows if threat not in ("threat", "---", "who")]
    trusted = {"the internet", "a guest", "a participant", "a backend", "the operator"}
    assert [threat for threat, held in threats if threat not in trusted and "`" not in held] == []
