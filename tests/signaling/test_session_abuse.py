"""What many clients, or hostile ones, may not do to the others."""

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


def test_nothing_is_read_of_what_may_not_be_published(house: House) -> None:
    dan = house.member()
    house.worker.take()
    answer = dan.ask("publish", sdp="garbage", sources={"0": "camera"})
    assert answer["code"] == "not_allowed"
    assert not house.worker.take()
