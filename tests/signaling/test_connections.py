"""Descriptions and transports of one participant."""

import re
from dataclasses import replace

from sfu.commands import Configure
from sfu.signaling.connections import CNAME
from sfu.transport import State
from tests.sfu import fake_plane
from tests.sfu.house import House, Visitor, fresh_connection
from tests.signaling.descriptions import CHROMIUM, answer_to


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


def test_more_slots_are_offered_on_the_connection_that_is_there(house: House) -> None:
    pia, dan = house.presenter(), house.member()
    dan.answer()
    first = dan.offer
    house.live().execute(Configure(replace(house.live().room.options, presenters=6)), None)
    house.pass_time(0.1)
    (dan.offer,) = dan.events("offer")
    origins = [sdp["sdp"].splitlines()[1].split() for sdp in (first, dan.offer)]
    assert origins[0][1] == origins[1][1]
    assert int(origins[1][2]) > int(origins[0][2])
    mids = [re.findall("a=mid:(.*)\r\n", sdp["sdp"]) for sdp in (first, dan.offer)]
    assert mids[1] == [*mids[0], "a5", "v5", "a6", "v6"]
    assert dan.offer["slots"]["v6"] == "seat-6"
    # An answer from elsewhere is none; the right one adds what is new and nothing else.
    house.worker.take()
    elsewhere = answer_to(fresh_connection(dan.offer["sdp"]))
    assert dan.ask("answer", sdp=elsewhere)["code"] == "transport_changed"
    assert dan.answer()["type"] == "ok"
    added = [args for name, args in house.worker.take() if name == "add_egress"]
    assert [args[3] for args in added] == ["a5", "v5", "a6", "v6"]
    assert {args[1] for args in added} == {house.live().stage.downlink(dan.id).id}  # type: ignore[union-attr]
    # The presenter never answered its first offer: the second follows its answer.
    assert pia.events("offer") == []
    assert pia.answer()["type"] == "ok"
    assert len(pia.events("offer")) == 1


def test_who_leaves_with_such_an_offer_open_takes_the_connection_along(house: House) -> None:
    house.presenter()
    dan = house.member()
    dan.answer()
    house.live().execute(Configure(replace(house.live().room.options, presenters=6)), None)
    house.pass_time(0.1)
    before = sum(house.forwarders[0].transports_by_state.values())
    dan.session.closed(house.now)
    assert sum(house.forwarders[0].transports_by_state.values()) == before - 1


def test_a_connection_lost_with_such_an_offer_open_gets_a_new_one(house: House) -> None:
    house.presenter()
    dan = house.member()
    dan.answer()
    house.live().execute(Configure(replace(house.live().room.options, presenters=6)), None)
    house.pass_time(0.1)
    dan.read()
    stage = house.live().stage
    assert stage is not None
    downlink = stage.downlink(dan.id)
    assert downlink is not None
    house.report(fake_plane.PathUp(downlink.id, "127.0.0.1:9"))
    house.report(fake_plane.PathDown(downlink.id))
    (dan.offer,) = dan.events("offer")
    assert len(dan.offer["slots"]) == 16
    assert dan.answer()["type"] == "ok"
    assert stage.downlink(dan.id) is not downlink


def lose(house: House, *visitors: Visitor) -> None:
    """The worker ends; each visitor reads the offer of another one."""
    house.report(fake_plane.Fault("panic"))
    lost = house.forwarders[0]
    house.rooms.leave(lost, house.now)
    for visitor in visitors:
        (visitor.offer,) = visitor.events("offer")


def test_an_answer_under_way_as_the_worker_ends_is_not_taken_for_the_next_offers() -> None:
    pair = House(workers=2)
    dan = pair.member()
    first = dan.offer
    lose(pair, dan)
    assert dan.offer["number"] != first["number"]
    pair.workers[1].take()
    late = answer_to(first["sdp"])
    assert dan.ask("answer", sdp=late, number=first["number"])["code"] == "offer_replaced"
    assert pair.workers[1].take() == []
    assert dan.answer()["type"] == "ok"
    assert pair.workers[1].named("set_remote")
    # Once that is answered as well, the first one has no place any more either.
    assert dan.ask("answer", sdp=late, number=first["number"])["code"] == "offer_replaced"
    assert dan.answer()["code"] == "no_offer"


def test_an_answer_without_a_number_is_to_the_last_offer() -> None:
    pair = House(workers=2)
    dan = pair.member()
    lose(pair, dan)
    assert dan.ask("answer", sdp=answer_to(dan.offer["sdp"]))["type"] == "ok"


def test_an_answer_to_more_slots_is_none_to_another_connection() -> None:
    pair = House(workers=2)
    pair.presenter()
    dan = pair.member()
    dan.answer()
    pair.live().execute(Configure(replace(pair.live().room.options, presenters=6)), None)
    pair.pass_time(0.1)
    (more,) = dan.events("offer")
    lose(pair, dan)
    answer = dan.ask("answer", sdp=answer_to(more["sdp"]), number=more["number"])
    assert answer["code"] == "offer_replaced"
    assert dan.answer()["type"] == "ok"


def test_an_offer_that_is_made_again_keeps_its_number(house: House) -> None:
    dan = house.member()
    again = house.visitor()
    again.joined = again.ask("join", room="hall", resume=dan.joined["resume"])
    (again.offer,) = again.events("offer")
    assert again.offer["number"] == dan.offer["number"]
    # The answer may have been under way to the socket before.
    late = again.ask("answer", sdp=answer_to(dan.offer["sdp"]), number=dan.offer["number"])
    assert late["type"] == "ok"
