"""Two things at once, and crowds."""

from collections import Counter
from typing import Any

import pytest

from sfu.commands import Leave
from sfu.participant import Role
from sfu.signaling.tokens import mint
from tests.sfu import fake_plane
from tests.sfu.house import House, Visitor, fresh_connection
from tests.signaling.descriptions import CHROMIUM


def code(answer: dict[str, Any]) -> str:
    return str(answer.get("code", answer["type"]))


def ticket(house: House, identity: str, **fields: Any) -> str:
    given: dict[str, Any] = {"role": Role.PRESENTER, "now": house.clock.wall(), "ttl": 60, **fields}
    secret = house.settings.tenants["dev"].secret
    return mint(secret, tenant="dev", room="hall", identity=identity, **given)


def kinds(frames: list[dict[str, Any]]) -> Counter[str]:
    return Counter(frame["type"] for frame in frames)


# Races


def test_two_presenters_do_the_same_at_once(house: House) -> None:
    live = house.prepare(presenters=3)
    pia, pat = house.member("presenter"), house.member("presenter")
    assert [code(each.ask("start")) for each in (pia, pat)] == ["ok", "wrong_state"]
    assert [code(each.ask("lock")) for each in (pia, pat)] == ["ok", "ok"]
    guest = house.guest()
    assert [code(each.ask("admit", participant=guest.id)) for each in (pia, pat)] == [
        "ok", "not_waiting",
    ]  # fmt: skip
    assert [code(each.ask("grant_seat", participant=guest.id)) for each in (pia, pat)] == [
        "ok", "already_seated",
    ]  # fmt: skip
    assert [code(each.ask("revoke_seat", participant=guest.id)) for each in (pia, pat)] == [
        "ok", "no_seat",
    ]  # fmt: skip
    assert [code(each.ask("remove", participant=guest.id)) for each in (pia, pat)] == [
        "ok", "participant_not_found",
    ]  # fmt: skip
    assert [code(pia.ask("mode", mode="meeting")), code(pat.ask("mode", mode="webinar"))] == [
        "ok", "ok",
    ]  # fmt: skip
    assert live.room.mode == "webinar"
    pia.ask("remove", participant=pat.id)
    assert pat.read()[-1]["type"] == "removed"
    pat.send('{"type":"remove","id":1,"participant":"' + pia.id + '"}')
    assert pia.id in live.room.participants


def test_the_last_seat_goes_to_one_of_two(house: House) -> None:
    live = house.prepare(presenters=1)
    olga, dan, eve = house.member("organizer"), None, None
    olga.ask("start")
    dan, eve = house.member(), house.member()
    answers = [code(olga.ask("grant_seat", participant=each.id)) for each in (dan, eve)]
    assert answers == ["ok", "no_seat"]
    # A presenter's token with no free seat: in, seatless, and may not publish.
    late = house.member("presenter")
    assert late.joined["participant"]["seat"] is None
    assert code(late.publish({"0": "microphone"})) == "no_seat"
    dan.session.closed(house.now)
    assert code(olga.ask("grant_seat", participant=late.id)) == "ok"
    assert late.publish({"0": "microphone"})["type"] == "ok"
    assert live.room.counts[Role.PRESENTER] == 1


@pytest.mark.parametrize(
    "request_",
    [
        {"type": "grant_seat"}, {"type": "revoke_seat"}, {"type": "remove"}, {"type": "block"},
        {"type": "unblock"}, {"type": "promote"}, {"type": "allow", "sources": []},
        {"type": "mute", "source": "camera", "muted": True}, {"type": "message", "to": ""},
    ],
    ids=lambda request: request["type"],
)  # fmt: skip
def test_somebody_who_has_just_left(house: House, request_: dict[str, Any]) -> None:
    pia, dan = house.member("presenter"), house.member()
    dan.session.closed(house.now)
    fields = {**request_, "participant": dan.id}
    if "to" in request_:
        fields["to"] = dan.id
    assert code(pia.ask(**fields)) == "participant_not_found"


def test_leaving_during_a_publish(house: House) -> None:
    live = house.prepare()
    pia = house.member("presenter")
    pia.publish({"0": "microphone"})
    live.execute(Leave(pia.id, "removed"), None)
    # Its next frame was on its way already.
    pia.send('{"type":"publish","id":7,"sdp":"v=0","sources":{}}')
    assert [each["type"] for each in pia.read()][-1] == "removed"
    pia.session.closed(house.now)
    assert sum(house.forwarders[0].transports_by_state.values()) == 0
    assert live.stage is None


def test_a_seat_taken_during_a_publish(house: House) -> None:
    pia, pat = house.presenter(), house.presenter()
    pia.ask("revoke_seat", participant=pat.id)
    answer = pat.publish({"0": "microphone"}, fresh_connection(CHROMIUM))
    assert code(answer) == "not_allowed"
    opened = {args[0] for args in house.worker.named("open_transport")}
    closed = {args[0] for args in house.worker.named("close_transport")}
    # Two offers and two publishing connections; nothing of the refused one.
    assert len(opened - closed) == 4


def test_an_identity_is_in_once_however_it_comes(house: House) -> None:
    live = house.prepare()
    people: list[Visitor] = []
    for number in range(12):
        people.append(house.visitor())
        role = (Role.PRESENTER, Role.ATTENDEE)[number % 2]
        people[-1].ask("join", room="hall", token=ticket(house, "ann", role=role))
        here = [*live.room.participants.values(), *live.room.waiting.values()]
        assert len(here) == 1
    for each in people[:-1]:
        assert each.read()[-1] == {"type": "removed", "reason": "replaced"}
        each.session.closed(house.now)
    assert len(live.room.waiting) == 1


def test_a_token_is_replayed(house: House) -> None:
    """Not a way to be two: it replaces whoever came by it."""
    token = ticket(house, "ann", jti="one")
    first = house.member(token=token)
    second = house.member(token=token)
    assert first.read()[-1] == {"type": "removed", "reason": "replaced"}
    assert list(house.live().room.participants) == [second.id]


@pytest.mark.parametrize(
    ("skew", "expected"), [(-0.5, "ok"), (0.5, "ok"), (1.5, "token_not_yet_valid")]
)
def test_clocks_may_differ_by_a_second(house: House, skew: float, expected: str) -> None:
    now = house.clock.wall()
    token = ticket(house, "ann", not_before=now + skew)
    assert code(house.visitor().ask("join", room="hall", token=token)) == expected


def test_a_fault_of_one_client_keeps_nothing_from_the_others(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.prepare()
    pia = house.member("presenter")
    dan, eve = house.guest(), house.guest()

    def explode() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(dan.session, "admitted", explode)
    assert pia.ask("start")["type"] == "ok"
    assert eve.read()[0]["type"] == "admitted"


# Crowds


def crowd_of(house: House, number: int) -> list[Visitor]:
    crowd = [house.member() for _ in range(number)]
    for each in crowd:
        each.answer()
        each.read()
    return crowd


def test_rotation_in_a_room_of_a_thousand_needs_no_description_at_all(house: House) -> None:
    pia, pat = house.presenter(), house.presenter()
    crowd = crowd_of(house, 1000)
    house.pass_time(10)
    dan = crowd[0]
    for each in crowd:
        each.read()
    house.worker.take()
    turns = 4
    for _ in range(turns):
        assert pia.ask("grant_seat", participant=dan.id)["type"] == "ok"
        assert dan.publish({"0": "microphone", "1": "camera"})["type"] == "ok"
        assert pia.ask("revoke_seat", participant=dan.id)["type"] == "ok"
        assert pia.ask("revoke_seat", participant=pat.id)["type"] == "ok"
        assert pia.ask("grant_seat", participant=pat.id)["type"] == "ok"
    house.pass_time(0.5)
    for each in crowd[1:]:
        told = kinds(each.read())
        assert set(told) == {"slots", "participant"}
        assert told["slots"] <= 6 * turns
        assert told["participant"] <= 2
    names = Counter(name for name, _ in house.worker.take())
    # One's own publishing connection, whose offer is one's own; no receiver is touched.
    assert names["open_transport"] <= turns
    assert names["add_egress"] == names["remove_egress"] == names["add_route"] == 0
    assert names["bind"] <= 8 * turns


def storm(number: int) -> tuple[int, int]:
    """Frames and bytes sent to everybody when so many join."""
    with pytest.MonkeyPatch.context() as patch:
        fake_plane.install(patch)
        house = House()
        pia = house.presenter()
        crowd: list[Visitor] = []
        frames = size = 0

        def count() -> None:
            nonlocal frames, size
            for each in [*crowd, pia]:
                while isinstance(item := each.outbox.take(), str):
                    frames += 1
                    size += len(item)

        for joined in range(number):
            crowd.append(house.visitor())
            crowd[-1].send('{"type":"join","id":1,"room":"hall"}')
            house.now += 10 / number  # all of them within ten seconds
            if joined % 20 == 0:
                house.pass_time(0.001)
                count()
        house.pass_time(1)
        count()
        assert len(house.live().room.participants) == number + 1
        return frames, size


def test_a_storm_of_joins_costs_messages_in_proportion() -> None:
    small, small_bytes = storm(250)
    large, large_bytes = storm(1000)
    # An answer and an offer each, and counts at a bounded rate over ten seconds.
    assert small <= 2 * 250 + 11 * 250
    assert large <= 2 * 1000 + 11 * 250
    assert large <= 4 * small
    assert large_bytes <= 4.5 * small_bytes


def waiting_storm(number: int) -> int:
    with pytest.MonkeyPatch.context() as patch:
        fake_plane.install(patch)
        house = House()
        house.prepare()
        olga = house.member("organizer")
        crowd = []
        for _ in range(number):
            crowd.append(house.guest())
            house.now += 10 / number
            house.live().tick(house.now)
        house.pass_time(2)
        olga.send('{"type":"start","id":1}')
        house.pass_time(number / 200 + 5)
        assert not house.live().room.waiting
        return sum(len(each.read()) for each in [*crowd, olga])


def test_a_storm_that_has_to_wait_too() -> None:
    small, large = waiting_storm(200), waiting_storm(800)
    assert large <= 5 * small
