"""Before the door: who waits, what they are told, how it opens."""

from typing import Any

import pytest

from sfu.commands import Leave, Remove
from sfu.participant import Role
from sfu.signaling import door, messages
from sfu.signaling.tokens import mint
from tests.sfu.house import House, Visitor


def places(visitor: Visitor) -> list[tuple[str, int]]:
    return [(each["reason"], each["position"]) for each in visitor.events("queue")]


def close_code(visitor: Visitor) -> int | None:
    visitor.read()
    closed = visitor.closed()
    return closed.code if closed else None


def ticket(house: House, identity: str, **fields: Any) -> str:
    given: dict[str, Any] = {"role": Role.ATTENDEE, "now": house.clock.wall(), "ttl": 60, **fields}
    secret = house.settings.tenants["dev"].secret
    return mint(secret, tenant="dev", room="hall", identity=identity, **given)


def test_who_waits_is_told_what_for_and_gets_the_same_snapshot_later(house: House) -> None:
    house.prepare()
    olga = house.member("organizer")
    dan, eve = house.guest(name="Dan"), house.guest()
    assert (dan.joined["reason"], dan.joined["position"]) == ("preparing", 1)
    assert (eve.joined["reason"], eve.joined["position"]) == ("preparing", 2)
    # Of the room nothing is told but its facts.
    assert dan.joined["participants"] == []
    assert dan.joined["slots"] == {}
    assert dan.joined["room"]["state"] == "preparing"
    assert dan.read() == []
    assert house.live().stage is not None
    assert olga.ask("start")["type"] == "ok"
    admitted, offer = dan.read()[:2]
    assert admitted["type"] == "admitted"
    assert offer["type"] == "offer"
    assert admitted["participant"]["id"] == dan.joined["participant"]["id"]
    assert admitted["resume"] == dan.joined["resume"]
    assert admitted["room"]["state"] == "live"
    assert [each["id"] for each in admitted["participants"]] == [dan.id, olga.id]
    assert admitted["slots"]["seat-0"]["participant"] == olga.id
    # The very fields of a join's answer.
    late = house.member()
    assert set(late.joined) - {"id"} == set(admitted)
    assert dan.ask("status", value="hand")["type"] == "ok"


def test_nobody_inside_costs_no_media(house: House) -> None:
    house.prepare()
    for _ in range(5):
        house.guest()
    assert house.live().stage is None
    assert house.worker.commands == []


def test_while_waiting_only_leave_and_ping(house: House) -> None:
    house.prepare()
    dan = house.guest()
    frames: dict[str, dict[str, Any]] = {
        "join": {"room": "hall"}, "publish": {"sdp": "v=0", "sources": {}},
        "unpublish": {"source": "camera"}, "answer": {"sdp": "v=0"},
        "mute": {"source": "camera", "muted": True}, "message": {"to": "all"},
        "mode": {"mode": "meeting"}, "admit": {"all": True},
        "allow": {"participant": "p", "sources": None},
    }  # fmt: skip
    for type in [*messages.REQUESTS, *messages.UNSUPPORTED]:
        if type in ("leave", "ping"):
            continue
        answer = dan.ask(type, **frames.get(type, {"participant": dan.id}))
        assert answer["code"] == "waiting", (type, answer)
    assert dan.ask("ping")["type"] == "ok"
    assert dan.ask("leave")["type"] == "ok"
    assert close_code(dan) == 1000
    assert not house.live().room.waiting


def test_a_socket_that_closes_leaves_the_queue(house: House) -> None:
    house.prepare()
    dan, eve = house.guest(), house.guest()
    house.pass_time(door.ROUND)
    assert places(eve) == []  # nothing new
    dan.session.closed(house.now)
    assert list(house.live().room.waiting) == [eve.id]
    house.pass_time(2 * door.ROUND)
    assert places(eve) == [("preparing", 1)]


def test_places_are_told_when_they_change_and_not_too_often(house: House) -> None:
    house.prepare()
    guests = [house.guest() for _ in range(30)]
    house.pass_time(2.1)
    for number in range(20):
        guests[number].ask("leave")
        house.pass_time(0.5)
    told = places(guests[-1])
    assert 4 <= len(told) <= 6  # ten seconds, every two of them
    assert told[-1][1] < 15
    house.pass_time(5)
    assert places(guests[-1])[-1:] in ([], [("preparing", 10)])
    house.pass_time(10)
    assert places(guests[-1]) == []


def test_a_round_over_a_long_queue_is_cut(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "SLICE", 10)
    live = house.prepare()
    guests = [house.guest() for _ in range(35)]
    house.pass_time(0.5)
    guests[0].ask("leave")
    house.now += door.ROUND
    live.tick(house.now)
    assert [len(each.read()) for each in guests[1:]].count(1) == 10
    for _ in range(3):
        live.tick(house.now)
    assert [len(each.read()) for each in guests[1:]].count(1) == 24


def test_presenters_are_told_who_waits(house: House) -> None:
    house.prepare()
    olga = house.member("organizer")
    dan, eve = house.guest(name="Dan"), house.guest()
    house.pass_time(0.3)
    (event,) = olga.events("waiting")
    assert event["count"] == 2
    assert [each["id"] for each in event["participants"]] == [dan.id, eve.id]
    assert event["participants"][0]["name"] == "Dan"
    assert event["participants"][0]["reason"] == "preparing"
    # A presenter who comes later is told, too.
    pia = house.member("presenter")
    house.pass_time(0.3)
    assert pia.events("waiting")[-1]["count"] == 2
    dan.ask("leave")
    house.pass_time(0.3)
    assert [each["count"] for each in olga.events("waiting")][-1] == 1
    olga.ask("start")
    house.pass_time(0.3)
    assert olga.events("waiting") == [{"type": "waiting", "count": 0, "participants": []}]
    house.pass_time(3)
    assert olga.events("waiting") == []


def test_a_long_queue_is_counted_not_listed(house: House) -> None:
    house.prepare()
    olga = house.member("organizer")
    for _ in range(door.LISTED + 20):
        house.guest()
    house.pass_time(0.3)
    event = olga.events("waiting")[-1]
    assert (event["count"], len(event["participants"])) == (door.LISTED + 20, door.LISTED)


def test_a_lock_and_admitting_one_or_all(house: House) -> None:
    pia = house.member("presenter")
    dan = house.member()
    assert pia.ask("lock")["type"] == "ok"
    assert dan.events("locked") == [{"type": "locked", "locked": True, "by": pia.id}]
    one, two, three = (house.guest() for _ in range(3))
    assert one.joined["reason"] == "locked"
    assert pia.ask("admit", participant=two.id)["type"] == "ok"
    assert two.read()[0]["type"] == "admitted"
    assert pia.ask("admit", participant=two.id)["code"] == "not_waiting"
    assert pia.ask("admit", all=True)["type"] == "ok"
    assert [one.read()[0]["type"], three.read()[0]["type"]] == ["admitted"] * 2
    four = house.guest()
    assert pia.ask("unlock")["type"] == "ok"
    assert four.read()[0]["type"] == "admitted"
    assert house.member().joined["status"] == "admitted"


def test_a_full_room_lets_the_next_in_when_a_place_is_free(house: House) -> None:
    house.prepare(attendees=2)
    pia = house.member("presenter")
    pia.ask("start")
    dan, eve = house.member(), house.member()
    pia.read()
    first, second = house.guest(), house.guest()
    assert first.joined["reason"] == "full"
    eve.ask("leave")
    assert first.read()[0]["type"] == "admitted"
    assert second.read() == []
    house.pass_time(4)
    assert places(second) == [("full", 1)]
    assert pia.ask("admit", participant=second.id)["code"] == "room_full"
    dan.session.closed(house.now)
    assert second.read()[0]["type"] == "admitted"


def test_presenters_are_warned_when_places_get_few(house: House) -> None:
    house.prepare(attendees=10)
    pia = house.member("presenter")
    pia.ask("start")
    crowd = [house.member() for _ in range(9)]
    assert pia.events("nearly_full") == [{"type": "nearly_full", "people": 9, "places": 10}]
    assert crowd[0].events("nearly_full") == []


@pytest.mark.parametrize(
    ("request_", "code", "event"),
    [
        ({"type": "remove"}, 4000, {"type": "removed", "reason": "removed"}),
        ({"type": "remove", "ban": True}, 4001, {"type": "removed", "reason": "banned"}),
        ({"type": "end"}, 4004, {"type": "ended"}),
    ],
)
def test_who_waits_can_be_sent_away(
    house: House, request_: dict[str, Any], code: int, event: dict[str, Any]
) -> None:
    house.prepare()
    olga, dan = house.member("organizer"), house.guest()
    fields = {**request_, "participant": dan.id}
    assert olga.ask(**fields)["type"] == "ok"
    assert dan.read() == [event]
    assert close_code(dan) == code
    dan.session.closed(house.now)
    assert not house.live().room.waiting


def test_a_revoked_token_and_a_removed_room_while_waiting(house: House) -> None:
    live = house.prepare()
    dan, eve = house.guest(), house.guest()
    live.execute(Leave(dan.id, "token_revoked"), None)
    assert dan.read() == [{"type": "removed", "reason": "token_revoked"}]
    assert close_code(dan) == 4003
    house.rooms.remove("dev", "hall")
    assert eve.read() == [{"type": "ended"}]
    assert close_code(eve) == 4004


def test_the_same_identity_replaces_itself_at_the_door(house: House) -> None:
    house.prepare()
    first = house.guest(token=ticket(house, "ann"))
    second = house.guest(token=ticket(house, "ann"))
    assert first.read() == [{"type": "removed", "reason": "replaced"}]
    assert close_code(first) == 4002
    first.session.closed(house.now)
    assert list(house.live().room.waiting) == [second.id]


def test_a_queue_comes_in_at_a_bounded_rate_and_in_order(house: House) -> None:
    house.prepare()
    olga = house.member("organizer")
    guests = [house.guest() for _ in range(250)]
    olga.ask("start")
    inside = len(house.live().room.participants) - 1
    assert inside == 100
    assert all(each.read()[0]["type"] == "admitted" for each in guests[:100])
    late = house.guest()
    assert late.joined["reason"] == "queue"
    house.pass_time(0.6)
    assert len(guests[150].events("admitted")) == 1
    house.pass_time(0.6)
    assert len(late.events("admitted")) == 1
    assert not house.live().room.waiting
    assert house.rooms.counts()[Role.ATTENDEE] == 251


def test_a_closing_room_lets_nobody_in_instead(house: House) -> None:
    live = house.prepare(attendees=1)
    pia = house.member("presenter")
    pia.ask("start")
    house.member()
    guest = house.guest()
    live.close("stopped")
    assert not live.room.participants
    assert not live.room.waiting
    assert "admitted" not in [each["type"] for each in guest.read()]
    assert live.stage is None


def test_a_presenter_may_send_somebody_away_who_has_just_gone(house: House) -> None:
    live = house.prepare()
    olga, dan = house.member("organizer"), house.guest()
    dan.session.closed(house.now)
    assert olga.ask("admit", participant=dan.id)["code"] == "not_waiting"
    assert olga.ask("remove", participant=dan.id)["code"] == "participant_not_found"
    live.execute(Remove(olga.id), None)
    assert close_code(olga) == 4000
