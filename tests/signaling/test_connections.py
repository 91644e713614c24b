"""Descriptions and transports of one participant."""

import re

from sfu.signaling.connections import CNAME
from sfu.transport import State
from tests.sfu.house import House
from tests.signaling.descriptions import CHROMIUM


def test_an_offer_describes_every_slot(house: House) -> None:
    dan = house.member()
    sdp, slots = dan.offer["sdp"], dan.offer["slots"]
    assert re.findall("a=mid:(.*)\r\n", sdp) == [
        "a0", "v0", "a1", "v1", "a2", "v2", "a3", "v3", "a4", "v4", "as", "vs",
    ]  # fmt: skip
    assert {slots["a3"], slots["v3"]} == {"seat-3"}
    assert {slots["as"], slots["vs"]} == {"screen"}
    assert "127.0.0.1 7960 typ host" in sdp
    assert f"cname:{CNAME}" in sdp


def test_stream_numbers_are_not_shared_between_receivers(house: House) -> None:
    numbers = [set(re.findall(r"a=ssrc:(\d+)", house.member().offer["sdp"])) for _ in range(3)]
    assert len(numbers[0]) == 18
    assert not numbers[0] & numbers[1]
    assert not numbers[1] & numbers[2]


def test_the_version_counts_up_on_one_connection(house: House) -> None:
    ann = house.member("presenter")
    origins = [
        ann.publish(sources)["sdp"].splitlines()[1].split()[1:3]
        for sources in ({"0": "microphone"}, {"0": "microphone", "1": "camera"}, {"1": "camera"})
    ]
    assert len({session for session, _ in origins}) == 1
    assert [int(version) for _, version in origins] == [0, 1, 2]


def test_an_offer_ends_with_whoever_does_not_answer_it(house: House) -> None:
    dan, eve = house.member(), house.member()
    assert house.forwarders[0].transports_by_state[State.NEW] == 2
    dan.session.closed(house.now)
    assert house.forwarders[0].transports_by_state[State.NEW] == 1
    eve.ask("leave")
    assert house.forwarders[0].transports_by_state[State.NEW] == 0


def test_a_room_that_ends_leaves_no_transport(house: House) -> None:
    house.presenter()
    house.rooms.remove("dev", "hall")
    assert sum(house.forwarders[0].transports_by_state.values()) == 0


def test_budgets_are_said_to_the_publisher(house: House) -> None:
    answer = house.member("presenter").publish({"1": "camera"}, CHROMIUM)
    assert "b=TIAS:2000000" in answer["sdp"]
