"""What many clients, or hostile ones, may not do to the others."""

from sfu.participant import Client
from tests.sfu.house import House


def test_a_crowd_of_senders_does_not_fill_its_readers_queues(house: House) -> None:
    senders = [house.member() for _ in range(40)]
    dan = house.member()
    answers = [
        sender.ask("message", to="all", topic="chat", body="x" * 60_000) for sender in senders
    ]
    codes = [answer.get("code", "ok") for answer in answers]
    assert codes.count("ok") >= 10
    assert codes[-1] == "rate_limited"
    assert dan.closed() is None


def test_two_senders_do_not_fill_somebodys_queue(house: House) -> None:
    ann, senders = house.presenter(), [house.member(), house.member()]
    answers = [
        sender.ask("message", to=ann.id, topic="chat", body="x" * 60_000)
        for _ in range(50)
        for sender in senders
    ]
    assert {answer.get("code", "ok") for answer in answers} == {"ok", "rate_limited"}
    assert ann.closed() is None
    bob = house.member("presenter")
    assert bob.ask("message", to=senders[1].id, topic="chat", body="x")["type"] == "ok"
    house.pass_time(10.0)
    assert senders[0].ask("message", to=ann.id, topic="chat", body="x")["type"] == "ok"


def test_little_is_kept_of_what_a_client_says_of_itself(house: House) -> None:
    said = {"browser": "Chromium 139", "lists": [[] for _ in range(60_000)]}
    dan = house.member(client=said)
    assert house.live().room.participants[dan.id].client == Client("Chromium 139", None)


def test_nothing_is_read_of_what_may_not_be_published(house: House) -> None:
    dan = house.member()
    house.worker.take()
    answer = dan.ask("publish", sdp="garbage", sources={"0": "camera"})
    assert answer["code"] == "not_allowed"
    assert not house.worker.take()


def test_nobody_reaches_into_another_room(house: House) -> None:
    ann, dan = house.presenter(), house.member()
    dan.answer()
    house.pass_time(1.0)
    ann.read(), dan.read()
    theirs = {route for _, _, route, *_ in house.worker.named("add_egress")}
    assert theirs
    house.worker.take()
    eve = house.member("organizer", room="lair")
    for victim in (ann, dan):
        for order, fields in ORDERS.items():
            answer = eve.ask(order, participant=victim.id, **fields)
            assert answer["code"] in ("participant_not_found", "not_waiting"), order
        answer = eve.ask("message", to=victim.id, topic="chat", body="psst")
        assert answer["code"] == "participant_not_found"
    assert eve.ask("message", to="all", topic="chat", body="hello")["type"] == "ok"
    assert eve.publish({"0": "microphone", "1": "camera"})["type"] == "ok"
    assert eve.ask("end")["type"] == "ok"
    house.pass_time(1.0)
    assert (ann.read(), dan.read()) == ([], [])
    bound = {route for route, _ in house.worker.named("bind")}
    assert bound
    assert not bound & theirs, "nobody's picture is shown there"


ORDERS: dict[str, dict[str, object]] = {
    "mute": {"source": "camera", "muted": True},
    "remove": {},
    "block": {},
    "unblock": {},
    "grant_seat": {},
    "revoke_seat": {},
    "allow": {"sources": ["microphone"]},
    "admit": {},
}
