"""Who competes for the few places of a room."""

from sfu.microphones import Microphones
from tests.sfu.house import House


def test_all_of_a_room_compete_for_as_many_places_as_it_has_now(house: House) -> None:
    microphones = Microphones(house.forwarders[0], 5)
    others = Microphones(house.forwarders[0], 5)
    for track in (71, 72, 73):
        microphones.add(track)
    others.add(74)
    groups = {args[0]: args[1] for args in house.worker.named("compete")}
    assert groups[71] == groups[72] == groups[73] != groups[74]
    assert {args[2] for args in house.worker.named("compete")} == {5}
    house.worker.take()
    microphones.forget(72)
    microphones.set_most(5)
    assert house.worker.named("compete") == []
    microphones.set_most(2)
    assert house.worker.named("compete") == [(71, groups[71], 2), (73, groups[73], 2)]
