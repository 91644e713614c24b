"""Which layers of a publisher's own picture are wanted, as its client is told."""

import pytest

from sfu.events import LayersWanted
from sfu.track import Source
from tests.sfu.house import House, Visitor


def tell(house: House, to: Visitor, source: Source, wanted: tuple[bool, ...]) -> None:
    house.live().audience.notify(to.id, LayersWanted(source, wanted))


def test_layers_are_named_by_rid(house: House) -> None:
    ann = house.presenter()
    ann.read()
    tell(house, ann, Source.CAMERA, (True, True, False))
    assert ann.events("layers") == [
        {"type": "layers", "layers": {"camera": {"q": True, "h": True, "f": False}}}
    ]


@pytest.mark.parametrize("source", [Source.MICROPHONE, Source.SCREEN])
def test_what_has_no_layers_is_passed_over(house: House, source: Source) -> None:
    ann = house.presenter()
    ann.read()
    tell(house, ann, source, (True,))
    assert ann.read() == []


def test_nobody_is_told_who_has_left(house: House) -> None:
    ann = house.presenter()
    ann.ask("leave")
    tell(house, ann, Source.CAMERA, (True, False, False))
    assert ann.events("layers") == []
