"""docs/backends.md: its tables have the fields, limits and reasons that the code has."""

import json
import re
import typing
from pathlib import Path

from sfu.signaling import tokens
from sfu.signaling.closing import CLOSE_CODES
from sfu.store.operations import counted
from sfu.store.records import Event, Stay, Totals, event_record, participant_record

PAGE = (Path(__file__).parents[2] / "docs/backends.md").read_text(encoding="utf-8")


def named(begins: str) -> list[str]:
    """What the first column of the first table after this text names."""
    rows = PAGE[PAGE.index(begins) :].split("\n| --- ", 1)[1].split("\n\n")[0].splitlines()[1:]
    return [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]


def test_every_claim_is_there_and_what_has_to_be() -> None:
    fields = tokens.JoinClaims.model_fields
    claims = {field.alias or name: field.is_required() for name, field in fields.items()}
    required = dict(re.findall(r"^\| `(\w+)` \| (yes|) ?\|", PAGE, re.MULTILINE))
    assert {name: bool(said) for name, said in required.items()} == claims
    assert set(named("## Join tokens")) == set(claims)
    for number in (tokens.MAX_TOKEN, tokens.MAX_METADATA, tokens.MAX_DEPTH):
        assert f"{number:,}" in PAGE
    for code in typing.get_args(tokens.TokenCode):
        assert f"`{code}`" in PAGE


def test_every_field_of_usage_records_is_there() -> None:
    stay = Stay("p", "acme", "hall", "run", "ann", 0.0, None, 0.0)
    record = participant_record(stay, 1.0, "left", Totals())
    assert named("One `participant` record") == list(record)
    event = event_record(Event("run", "acme", "hall", "webinar", 0.0), 1.0, "ended")
    stored = json.loads(counted(1, 1, 1, (0, 0, 0, 0)))
    assert set(named("One `event` record")) == {*event, *stored}


def test_every_reason_of_leaving_is_there() -> None:
    told = set(CLOSE_CODES) - {"resumed"}
    assert set(named("## Why somebody has left")) == told | {"disconnected", "refused"}
