"""Who gets in."""

from typing import Any

import pytest

from sfu.errors import CODES
from sfu.participant import Role
from sfu.room import Options
from sfu.signaling.tokens import mint
from sfu.track import Source
from tests.sfu import fake_plane
from tests.sfu.house import House


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> House:
    fake_plane.install(monkeypatch)
    return House(dev=False)


def token(house: House, tenant: str, room: str = "hall", **fields: Any) -> str:
    given: dict[str, Any] = {
        "identity": "ann",
        "role": Role.PRESENTER,
        "now": house.clock.wall(),
        "ttl": 60,
        **fields,
    }
    return mint(house.settings.tenants[tenant].secret, tenant=tenant, room=room, **given)


def code(answer: dict[str, Any]) -> str:
    assert answer["type"] == "error", answer
    assert answer["code"] in CODES
    return str(answer["code"])


def test_in_development_a_role_is_enough(house: House) -> None:
    ann = house.member("organizer")
    assert ann.joined["participant"]["role"] == "organizer"
    assert ann.joined["room"]["tenant"] == "dev"
    assert ann.joined["room"]["video"] == "hd"
    nobody = house.visitor().ask("join", room="hall")
    assert nobody["participant"]["role"] == "attendee"
    assert nobody["participant"]["name"] == nobody["participant"]["identity"]


def test_a_token_says_who_somebody_is(house: House) -> None:
    ann = house.member(
        "organizer",  # passed over: the token knows
        name="Mallory",
        token=token(house, "dev", name="Ann", metadata={"team": 7}, can=[Source.MICROPHONE]),
    )
    me = ann.joined["participant"]
    assert (me["identity"], me["name"], me["role"]) == ("ann", "Ann", "presenter")
    assert me["metadata"] == {"team": 7}
    assert ann.publish({"0": "microphone"})["type"] == "ok"
    assert code(ann.publish({"0": "microphone", "1": "camera"})) == "not_allowed"


def test_elsewhere_it_takes_a_token_and_a_room(production: House) -> None:
    assert code(production.visitor().ask("join", room="hall", role="organizer")) == "unauthorized"
    ticket = token(production, "acme")
    assert code(production.visitor().ask("join", room="hall", token=ticket)) == "room_not_found"
    production.rooms.create("acme", "hall", Options())
    ann = production.visitor().ask("join", room="hall", token=ticket)
    assert ann["participant"]["role"] == "presenter"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"token": "rubbish"}, "invalid_token"),
        ({"token": ""}, "invalid_token"),
        ({"token": {"room": "other"}}, "wrong_room"),
        ({"token": {"now": 0}}, "token_expired"),
        ({"token": {}, "tenant": "dev"}, "unknown_tenant"),
    ],
)
def test_tokens_that_do_not_help(production: House, fields: dict[str, Any], expected: str) -> None:
    production.rooms.create("acme", "hall", Options())
    if isinstance(fields["token"], dict):
        fields = {**fields, "token": token(production, "acme", **fields["token"])}
    assert code(production.visitor().ask("join", room="hall", **fields)) == expected
    assert not production.rooms.find("acme", "hall").room.participants  # type: ignore[union-attr]


def test_a_token_of_another_secret(house: House, production: House) -> None:
    forged = mint(
        "x" * 32, tenant="acme", room="hall", identity="ann", role=Role.ORGANIZER,
        now=production.clock.wall(), ttl=60,
    )  # fmt: skip
    assert code(production.visitor().ask("join", room="hall", token=forged)) == "invalid_token"


def test_unknown_tenants(house: House) -> None:
    assert code(house.visitor().ask("join", room="hall", tenant="acme")) == "unknown_tenant"
    assert house.visitor().ask("join", room="hall", tenant="dev")["type"] == "ok"


def test_rooms_and_people_are_bounded(house: House) -> None:
    for number in range(50):
        house.member(room=f"room-{number}")
    assert code(house.visitor().ask("join", room="one-more")) == "too_many_rooms"
    house.admission._people = 1
    assert code(house.visitor().ask("join", room="room-7")) == "room_full"


def test_without_a_worker_nobody_gets_in(house: House) -> None:
    house.report(fake_plane.Fault("panic"))
    assert code(house.visitor().ask("join", room="hall")) == "overloaded"
    assert not house.live().room.participants
