"""What clients say of the quality of their own call."""

import pytest

from tests.sfu.house import House, Visitor


def received(house: House, visitor: Visitor, seconds: float) -> None:
    """A perfect call of so long."""
    house.rooms.account(visitor.id).score(5.0 * seconds, seconds)


def test_trouble_lowers_the_quality_of_the_own_stay_alone(house: House) -> None:
    ann, bob = house.member(), house.member()
    for each in (ann, bob):
        received(house, each, 100.0)
    house.pass_time(100.0)
    assert ann.ask("stats", frozen=20.0, concealed=5)["type"] == "ok"
    assert house.rooms.accounts[ann.id].quality == pytest.approx(4.0)
    assert house.rooms.accounts[bob.id].quality == 5.0


def test_no_more_time_is_spoilt_than_has_passed(house: House) -> None:
    ann = house.member()
    received(house, ann, 100.0)
    house.pass_time(10.0)
    ann.ask("stats", frozen=1e12)
    assert house.rooms.accounts[ann.id].quality == pytest.approx(4.6, abs=0.01)
    ann.ask("stats", frozen=1e12)
    assert house.rooms.accounts[ann.id].quality == pytest.approx(4.6, abs=0.01)


@pytest.mark.parametrize("frozen", [-1, "long", None, [1]])
def test_what_is_no_time_is_refused(house: House, frozen: object) -> None:
    answer = house.member().ask("stats", frozen=frozen)
    assert (answer["code"], answer["path"]) == ("bad_request", "frozen")


def test_who_receives_nothing_has_no_quality(house: House) -> None:
    ann = house.member()
    assert ann.ask("stats", frozen=1.0)["type"] == "ok"
    assert house.rooms.traffic().get(ann.id) is None
    assert house.visitor().ask("stats")["type"] == "ok", "before joining, too"
