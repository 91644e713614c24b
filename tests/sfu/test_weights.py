"""Whose pictures get the larger share."""

from sfu.room import SCREEN, slot_of
from sfu.sites import Sites
from sfu.weights import FIRST, OTHERS, Weights
from tests.sfu.house import House

SHARED, HERS, HIS = 901, 902, 903


def test_the_screen_and_who_speaks_come_first_and_each_is_told_once(house: House) -> None:
    ann, bob = house.presenter(), house.presenter()
    room = house.live().room
    weights = Weights(Sites(house.forwarders[0], house.forwarders, 500), room)
    places = [room.participant(each.id).place for each in (ann, bob)]
    assert places[0] is not None
    assert places[1] is not None
    slots = {SCREEN: SHARED, slot_of(places[0]): HERS, slot_of(places[1]): HIS}
    for speaker, expected in [
        (None, {SHARED: FIRST}),
        (ann.id, {HERS: FIRST}),
        (ann.id, {}),
        (None, {}),
        (bob.id, {HERS: OTHERS, HIS: FIRST}),
    ]:
        house.worker.take()
        weights.speak(speaker)
        weights.refresh(slots)
        assert dict(house.worker.named("weigh")) == expected


def test_a_room_tells_of_its_screen_with_the_first_change(house: House) -> None:
    house.presenter()
    assert [weight for _, weight in house.worker.named("weigh")] == [FIRST]
