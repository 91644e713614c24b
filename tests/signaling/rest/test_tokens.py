"""/v1/rooms/{room}/tokens."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sfu.participant import Role
from sfu.signaling.tokens import verify
from tests.signaling.rest.backend import SECRET, Backend, serving

TOKENS = "/v1/rooms/hall/tokens"
DEEP = json.loads("[" * 40 + "]" * 40)


async def test_a_token_lets_its_person_into_its_room(backend: Backend) -> None:
    await backend.create(start=False)
    made = await backend.ask(
        "POST",
        TOKENS,
        201,
        {
            "identity": "ann",
            "role": "presenter",
            "name": "Ann",
            "ttl": "10m",
            "metadata": {"seat": "A1"},
            "can": ["microphone"],
        },
    )
    now = backend.server.rooms.clock.wall()
    claims = verify(made["token"], {"acme": SECRET}, now=now, room="hall")
    assert (claims.identity, claims.role, claims.name) == ("ann", Role.PRESENTER, "Ann")
    assert (claims.jti, claims.metadata) == (made["jti"], {"seat": "A1"})
    assert claims.can == frozenset({"microphone"})
    assert datetime.fromisoformat(made["expires_at"]).timestamp() == claims.expires_at
    assert now + 595 < claims.expires_at < now + 602


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"role": "attendee"}, "identity"),
        ({"identity": "x"}, "role"),
        ({"identity": "x", "role": "king"}, "role"),
        ({"identity": "x" * 257, "role": "attendee"}, "identity"),
        ({"identity": "x", "role": "attendee", "can": ["nose"]}, "can.0"),
        ({"identity": "x", "role": "attendee", "metadata": "x" * 4096}, "metadata"),
        ({"identity": "x", "role": "attendee", "metadata": DEEP}, "metadata"),
    ],
)
async def test_bad_claims(backend: Backend, body: Any, path: str) -> None:
    await backend.create(start=False)
    assert (await backend.ask("POST", TOKENS, 422, body))["path"] == path


async def test_letters_of_any_script_take_what_they_take(backend: Backend) -> None:
    await backend.create(start=False)
    said = {"about": "聚" * 1350}
    body = {"identity": "x", "role": "attendee", "metadata": said}
    made = await backend.ask("POST", TOKENS, 201, body)
    now = backend.server.rooms.clock.wall()
    assert verify(made["token"], {"acme": SECRET}, now=now, room="hall").metadata == said


@pytest.mark.parametrize("ttl", [0, -5, "soon", "10000d", 1e12, True])
async def test_bad_times(backend: Backend, ttl: Any) -> None:
    await backend.create(start=False)
    body = {"identity": "x", "role": "attendee", "ttl": ttl}
    problem = await backend.ask("POST", TOKENS, 422, body)
    assert problem["path"].startswith("ttl")


async def test_no_token_for_no_room(backend: Backend) -> None:
    await backend.ask("POST", TOKENS, 404, {"identity": "x", "role": "attendee"})


async def test_a_revoked_token_disconnects_and_stays_barred(tmp_path: Path) -> None:
    async with serving(tmp_path / "sfu.sqlite") as backend:
        await backend.create(locked=True)
        backend.join("ann", Role.PRESENTER)
        backend.join("bob")
        backend.join("eve")
        await backend.ask("DELETE", f"{TOKENS}/jti-ann", 204)
        await backend.ask("DELETE", f"{TOKENS}/jti-bob", 204)
        room = backend.live().room
        assert not room.participants
        assert list(room.waiting) == ["p-eve"]
        assert ("acme", "jti-ann") in backend.server.rooms.revoked
        await backend.ask("DELETE", "/v1/rooms/nowhere/tokens/jti-eve", 404)
    async with serving(tmp_path / "sfu.sqlite") as backend:
        assert backend.server.rooms.revoked == {("acme", "jti-ann"), ("acme", "jti-bob")}
