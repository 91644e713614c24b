"""docs/protocol.md is what the models say."""

import re
from pathlib import Path

from sfu.errors import CODES
from sfu.signaling import events, messages
from sfu.signaling.reference import render

PAGE = Path(__file__).parents[2] / "docs" / "protocol.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == render(), "run: python -m sfu.signaling.reference > docs/protocol.md"


def test_everything_is_on_it() -> None:
    text = render()
    for name in [*messages.REQUESTS, *(e.model_fields["type"].default for e in events.EVENTS)]:
        assert f"### `{name}`" in text
    for name in [*messages.UNSUPPORTED, *CODES]:
        assert f"`{name}`" in text


def test_its_links_lead_somewhere() -> None:
    text = render()
    headings = {line[4:].lower() for line in text.splitlines() if line.startswith("### ")}
    for target in re.findall(r"\]\(#(\w+)\)", text):
        assert target in headings
