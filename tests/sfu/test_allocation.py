"""What follows from paths that carry more or less: targets, and what people are told."""

from typing import Any

import pytest

from sfu.events import CongestionChanged, LayersWanted, Notice
from sfu.track import Source
from sfu.watched import UNWATCHED_AFTER
from tests.sfu import fake_plane
from tests.sfu.house import House, Visitor
from tests.sfu.test_stage import egress, targets, tracks

PLENTY = 50_000_000


@pytest.fixture
def told(house: House, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Notice]]:
    """Every notice, with whom it is for."""
    from sfu.signaling.audience import RoomAudience

    notices: list[tuple[str, Notice]] = []
    notify = RoomAudience.notify

    def record(self: RoomAudience, participant: str, notice: Notice) -> None:
        notices.append((participant, notice))
        notify(self, participant, notice)

    monkeypatch.setattr(RoomAudience, "notify", record)
    return notices


def camera_target(house: House, visitor: Visitor) -> tuple[int, int]:
    """The last target of the first seat's picture."""
    number = egress(house, visitor, "v1")
    orders = [order for args in house.worker.named("set_targets") for order in args[0]]
    spatial, temporal = [order[1:] for order in orders if order[0] == number][-1]
    return spatial, temporal


def test_a_slow_path_steps_down_and_comes_back(house: House) -> None:
    house.presenter()
    dan = house.member()
    dan.receive()
    assert camera_target(house, dan) == (2, 7)
    house.pass_time(15)
    house.carry(dan, 700_000)
    house.pass_time(1)
    assert camera_target(house, dan) == (1, 7)
    house.carry(dan, 170_000)
    house.pass_time(1)
    assert camera_target(house, dan)[0] == 0
    house.carry(dan, PLENTY)
    house.pass_time(1)
    assert camera_target(house, dan) == (2, 7)


def test_one_slow_path_is_nobody_elses_business(house: House) -> None:
    house.presenter()
    dan, eve = house.member(), house.member()
    dan.receive()
    eve.receive()
    house.worker.take()
    house.carry(dan, 300_000)
    house.pass_time(2)
    stage = house.live().stage
    assert stage is not None
    aimed = {order[0] for args in house.worker.named("set_targets") for order in args[0]}
    hers = {args[0] for args in house.worker.named("add_egress")}
    assert aimed
    assert not aimed & hers


def test_a_level_that_changes_costs_targets_for_those_on_it_alone(house: House) -> None:
    house.presenter()
    crowd = [house.member() for _ in range(8)]
    for each in crowd:
        each.receive()
    house.worker.take()
    for each in crowd[:3]:
        house.carry(each, 700_000)
    house.pass_time(1)
    ordered = [args[0] for args in house.worker.named("set_targets")]
    assert sum(len(orders) for orders in ordered) == 3


def test_congestion_is_told_when_it_lasts_and_when_it_is_over(
    house: House, told: list[tuple[str, Notice]]
) -> None:
    house.presenter()
    dan = house.member()
    dan.receive()
    house.pass_time(5)
    house.carry(dan, 700_000)
    house.pass_time(2.5)
    assert dan.events("congestion") == []
    house.pass_time(2)
    (event,) = dan.events("congestion")
    assert event["available"] == 700_000
    assert 1_300_000 < event["wanted"] < 1_500_000
    house.pass_time(9)
    assert dan.events("congestion") == [], "nothing new"
    house.carry(dan, 300_000)
    house.pass_time(5)
    assert [event["available"] for event in dan.events("congestion")] == [300_000]
    house.carry(dan, PLENTY)
    house.pass_time(5)
    (over,) = dan.events("congestion")
    assert over["available"] == over["wanted"]
    assert {who for who, notice in told if isinstance(notice, CongestionChanged)} == {dan.id}


def test_a_short_dip_is_not_worth_a_word(house: House) -> None:
    house.presenter()
    dan = house.member()
    dan.receive()
    house.pass_time(15)
    house.carry(dan, 700_000)
    house.pass_time(1)
    house.carry(dan, PLENTY)
    house.pass_time(8)
    assert dan.events("congestion") == []


def wanted(told: list[tuple[str, Notice]], visitor: Visitor) -> list[tuple[bool, ...]]:
    mine = [notice for who, notice in told if who == visitor.id]
    notices = [notice for notice in mine if isinstance(notice, LayersWanted)]
    assert all(notice.source is Source.CAMERA for notice in notices)
    return [notice.wanted for notice in notices]


def test_publishers_are_told_what_nobody_watches_and_at_once_when_somebody_does(
    house: House, told: list[tuple[str, Notice]]
) -> None:
    ann = house.presenter()
    house.stay(ann)
    dan, eve = house.member(), house.member()
    dan.receive()
    eve.receive()
    house.pass_time(2 * UNWATCHED_AFTER)
    assert wanted(told, ann) == [(True, False, True)]
    dan.ask("view", slots={"seat-1": {"max_height": 360}})
    house.pass_time(2 * UNWATCHED_AFTER)
    assert wanted(told, ann)[1:] == [(True, True, True)], "eve still watches"
    eve.ask("view", slots={"seat-1": "off"})
    house.pass_time(UNWATCHED_AFTER + 1.1)
    assert wanted(told, ann)[2:] == [(True, True, False)]
    dan.ask("leave")
    house.pass_time(UNWATCHED_AFTER + 1.1)
    assert wanted(told, ann)[3:] == [(True, False, False)]
    eve.ask("view", slots={"seat-1": {"max_height": 720}})
    house.pass_time(0.35)
    assert wanted(told, ann)[4:] == [(True, False, True)]


def test_a_layer_that_comes_and_goes_does_not_bother_the_publisher(
    house: House, told: list[tuple[str, Notice]]
) -> None:
    ann = house.presenter()
    house.stay(ann)
    dan = house.member()
    dan.receive()
    house.pass_time(UNWATCHED_AFTER + 1.1)
    for _ in range(5):
        house.carry(dan, 300_000)
        house.pass_time(4)
        house.carry(dan, PLENTY)
        house.pass_time(12)
    assert wanted(told, ann) == [(True, False, True)]


def test_a_mute_changes_nothing_of_what_is_wanted(
    house: House, told: list[tuple[str, Notice]]
) -> None:
    ann = house.presenter()
    house.stay(ann)
    dan = house.member()
    dan.receive()
    house.pass_time(UNWATCHED_AFTER + 1.1)
    ann.ask("mute", source="camera", muted=True)
    house.pass_time(2 * UNWATCHED_AFTER)
    ann.ask("mute", source="camera", muted=False)
    house.pass_time(2 * UNWATCHED_AFTER)
    assert wanted(told, ann) == [(True, False, True)]


def test_the_speaker_steps_down_last(house: House) -> None:
    for _ in range(3):
        bob = house.presenter()
    dan = house.member()
    dan.receive(1_800_000)
    house.pass_time(3)
    before = targets(house)
    assert before[egress(house, dan, "v3")] < 2
    sound = [args[0] for args in house.worker.named("add_track") if args[3] == "opus"][-1]
    for _ in range(5):
        house.report(fake_plane.Levels([(sound, 25)]))
        house.pass_time(0.2)
    assert house.live().speakers.speaker == bob.id
    house.pass_time(3)
    assert targets(house)[egress(house, dan, "v3")] == 2


def test_rates_replan_no_more_than_twice_a_second(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.presenter()
    dan = house.member()
    dan.receive()
    subscribers, assigned = house.forwarders[0].subscribers, []
    assign = subscribers.assign

    def record(transports: Any, staircase: Any) -> None:
        assigned.append(staircase)
        assign(transports, staircase)

    monkeypatch.setattr(subscribers, "assign", record)
    track = tracks(house)["vp8"]
    for number in range(40):
        rates = [(100_000 * (1 + number), 30.0, 320, 180)] * 3
        house.report(fake_plane.TrackRates(track, rates))
        house.pass_time(0.05)
    assert 3 <= len(assigned) <= 5


def test_who_has_left_costs_nothing(house: House) -> None:
    house.presenter()
    dan = house.member()
    dan.receive()
    dan.ask("leave")
    assert len(house.forwarders[0].subscribers) == 0
    house.worker.take()
    house.pass_time(3)
    assert house.worker.take() == []


def test_a_picture_whose_codec_was_not_accepted_is_not_given(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.signaling.descriptions import answer_to

    house.presenter()
    dan = house.member()
    sdp = answer_to(dan.offer["sdp"]).replace(" VP8/", " other/")
    number = dan.offer["number"]
    monkeypatch.setattr(dan, "answer", lambda: dan.ask("answer", sdp=sdp, number=number))
    dan.receive()
    house.pass_time(1)
    assert camera_target(house, dan)[0] == -1
