"""Who gets in."""

import json
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from sfu import passwords
from sfu.commands import Configure, End, Lock
from sfu.config import LimitSettings
from sfu.errors import CODES
from sfu.participant import Role
from sfu.passwords import Passwords, hash_password, in_threads
from sfu.room import Options
from sfu.signaling.newcomers import Newcomers
from sfu.signaling.outbox import Outbox
from sfu.signaling.tokens import mint
from sfu.track import Source
from tests.sfu import fake_plane
from tests.sfu.house import House
from tests.waiting import until


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


# Access


def test_an_open_room_takes_everybody_as_attendees(production: House) -> None:
    production.rooms.create("acme", "hall", Options(access="open"))
    ann = production.visitor().ask("join", room="hall", name="Ann", role="organizer")
    # Only a development server lets people choose.
    assert (ann["participant"]["role"], ann["participant"]["name"]) == ("attendee", "Ann")
    production.rooms.create("acme", "cast", Options(access="open", kind="webcast"))
    assert production.visitor().ask("join", room="cast")["participant"]["role"] == "viewer"


def test_who_has_no_token_does_not_learn_which_rooms_there_are(production: House) -> None:
    production.rooms.create("acme", "hall", Options(access="token"))
    answers = [production.visitor().ask("join", room=room) for room in ("hall", "nowhere")]
    assert [code(each) for each in answers] == ["unauthorized"] * 2
    assert answers[0]["message"] == answers[1]["message"]


def test_a_token_room_asks_for_one_in_development_too(house: House) -> None:
    house.rooms.create("dev", "hall", Options(access="token"))
    assert code(house.visitor().ask("join", room="hall", role="presenter")) == "unauthorized"
    assert house.member(token=token(house, "dev")).joined["participant"]["role"] == "presenter"


with pytest.MonkeyPatch.context() as patched:
    patched.setattr(passwords, "LOG_COST", 4)
    HASH = hash_password("open sesame")
    """Of a cost that suits a hundred checks; what a check costs is read from it."""


def test_a_password_room(house: House) -> None:
    house.rooms.create("dev", "hall", Options(access="password", password=HASH))
    visitor = house.visitor()
    for password in (None, "", "guess", "open sesame "):
        assert code(visitor.ask("join", room="hall", password=password)) == "wrong_password"
    assert visitor.ask("join", room="hall", password="open sesame")["status"] == "admitted"
    # A token opens it as well, the password beside it is not asked.
    assert house.member(token=token(house, "dev")).joined["participant"]["identity"] == "ann"
    assert "sesame" not in str(visitor.read()) + HASH


def test_wrong_passwords_of_an_address_are_bounded(house: House) -> None:
    house.rooms.create("dev", "hall", Options(access="password", password=HASH))
    house.addresses.configure(LimitSettings(wrong_passwords_per_minute_per_address=3))
    for guess in ("1", "2", "3"):
        join = {"room": "hall", "password": guess}
        assert code(house.visitor().ask("join", **join)) == "wrong_password"
    late = house.visitor()
    refused = late.ask("join", room="hall", password="open sesame")
    assert (code(refused), refused["retry_after"]) == ("rate_limited", 20.0)
    # Whoever has a token does not guess, and time heals.
    assert house.member(token=token(house, "dev")).joined["participant"]["identity"] == "ann"
    house.now += 21.0
    assert late.ask("join", room="hall", password="open sesame")["status"] == "admitted"
    # Those who know it are not counted, however many come from one place.
    for _ in range(10):
        joined = house.visitor().ask("join", room="hall", password="open sesame")
        assert joined["status"] == "admitted"


def test_a_password_is_checked_while_others_go_on(house: House) -> None:
    live = house.rooms.create("dev", "hall", Options(access="password", password=HASH))
    house.slow_passwords = True
    ann, bob, cid, dan = (house.visitor() for _ in range(4))
    for each, password in ((ann, "open sesame"), (bob, "guess"), (cid, "open sesame")):
        each.send(json.dumps({"type": "join", "id": 1, "room": "hall", "password": password}))
        assert each.read() == []
    # Meanwhile a session is not in, nor may it ask twice.
    assert code(ann.ask("join", room="hall", password="open sesame")) == "already_joined"
    assert code(ann.ask("lock")) == "not_joined"
    assert ann.ask("ping")["type"] == "ok"
    cid.session.closed(house.now)
    assert dan.ask("join", room="other")["status"] == "admitted"
    assert len(house.checks) == 2  # two ask the same
    for check in house.checks:
        check()
    assert [frame["type"] for frame in ann.read()] == ["ok", "offer"]
    assert [frame.get("code") for frame in bob.read()] == ["wrong_password"]
    assert cid.read() == []
    assert len(live.room.participants) == 1
    # Who guessed wrong may try again.
    house.slow_passwords = False
    assert bob.ask("join", room="hall", password="open sesame")["status"] == "admitted"


def test_whose_password_is_being_checked_does_not_only_hold_a_place(house: House) -> None:
    house.rooms.create("dev", "hall", Options(access="password", password=HASH))
    house.slow_passwords = True
    newcomers = Newcomers(2)

    def come_again(outbox: Outbox) -> None:
        newcomers.again(outbox, house.now)

    ann, bob, cid, dan = (house.visitor() for _ in range(4))
    for each in (ann, bob):
        each.session._address.joined = partial(newcomers.leave, each.outbox)
        each.session._address.not_joined = partial(come_again, each.outbox)
        newcomers.come(each.outbox, house.now)
    for each, password in ((ann, "open sesame"), (bob, "guess")):
        each.send(json.dumps({"type": "join", "id": 1, "room": "hall", "password": password}))
    assert len(newcomers) == 0
    house.now += 60.0
    for other in (cid, dan):
        newcomers.come(other.outbox, house.now)
    for check in house.checks:
        check()
    assert [frame["type"] for frame in ann.read()] == ["ok", "offer"]
    # Who guessed wrong is as others are who have not joined, and comes after them.
    assert [frame.get("code") for frame in bob.read()] == ["wrong_password"]
    assert bob.outbox.closing
    assert not cid.outbox.closing
    assert len(newcomers) == 2


@pytest.mark.parametrize("change", ["removed", "another", "draining", "ended"])
def test_what_happens_while_a_password_is_checked(house: House, change: str) -> None:
    options = Options(access="password", password=HASH)
    live = house.rooms.create("dev", "hall", options)
    house.slow_passwords = True
    ann = house.visitor()
    ann.send(json.dumps({"type": "join", "id": 1, "room": "hall", "password": "open sesame"}))
    match change:
        case "removed":
            house.rooms.remove("dev", "hall")
        case "another":
            live.execute(Configure(replace(options, password=hash_password("other"))), None)
        case "draining":
            house.admission.draining = True
        case "ended":
            live.execute(End(), None)
    house.checks[0]()
    expected = {"removed": "room_not_found", "another": "wrong_password", "ended": "room_ended"}
    assert [code(each) for each in ann.read()] == [expected.get(change, change)]
    assert not live.room.participants


def test_too_many_passwords_at_once(house: House) -> None:
    house.rooms.create("dev", "hall", Options(access="password", password=HASH))
    house.slow_passwords = True
    for number in range(64):
        house.visitor().send(
            json.dumps({"type": "join", "id": 1, "room": "hall", "password": str(number)})
        )
    visitor = house.visitor()
    assert code(visitor.ask("join", room="hall", password="x")) == "overloaded"
    house.slow_passwords = False
    for check in house.checks:
        check()
    house.now += 60  # as many wrong ones from one address hold it up for a while
    assert visitor.ask("join", room="hall", password="open sesame")["type"] == "ok"


async def test_checks_run_on_a_thread() -> None:
    verdicts: list[bool] = []
    checks = Passwords(in_threads())
    for password in ("guess", "open sesame"):
        checks.check(password, HASH, verdicts.append)
    assert verdicts == []
    await until(lambda: len(verdicts) == 2)
    assert sorted(verdicts) == [False, True]


def test_a_revoked_token_opens_nothing(house: House) -> None:
    first = house.member(token=token(house, "dev", jti="one"))
    assert house.live().room.participant(first.id).jti == "one"
    house.rooms.revoked.add(("dev", "one"))
    again = token(house, "dev", jti="one", identity="bob")
    assert code(house.visitor().ask("join", room="hall", token=again)) == "token_revoked"
    house.rooms.revoked.add(("acme", "two"))
    assert house.member(token=token(house, "dev", jti="two"))


def test_a_banned_identity(house: House) -> None:
    olga = house.member("organizer")
    ann = house.member(token=token(house, "dev"))
    assert olga.ask("remove", participant=ann.id, ban=True)["type"] == "ok"
    assert ann.read()[-1] == {"type": "removed", "reason": "banned"}
    assert code(house.visitor().ask("join", room="hall", token=token(house, "dev"))) == "banned"


def test_unknown_tenants(house: House) -> None:
    assert code(house.visitor().ask("join", room="hall", tenant="acme")) == "unknown_tenant"
    assert house.visitor().ask("join", room="hall", tenant="dev")["type"] == "ok"


def test_rooms_and_people_are_bounded(house: House) -> None:
    for number in range(50):
        house.member(room=f"room-{number}")
    assert code(house.visitor().ask("join", room="one-more")) == "too_many_rooms"
    house.admission._people = 2
    house.member("presenter", room="room-7")
    assert code(house.visitor().ask("join", room="room-7")) == "room_full"
    # Those who wait count, too.
    house.live("room-8").execute(Lock(True), None)
    house.guest(room="room-8")
    assert code(house.visitor().ask("join", room="room-8")) == "room_full"


def test_without_a_worker_nobody_gets_in(house: House) -> None:
    house.report(fake_plane.Fault("panic"))
    assert code(house.visitor().ask("join", room="hall")) == "overloaded"
    assert not house.live().room.participants
