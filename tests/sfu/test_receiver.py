"""What one receiver is aimed at and told."""

from typing import Any

import pytest

from sfu.bandwidth.layers import Choice
from sfu.events import Picture
from sfu.receiver import Receiver
from sfu.sent import Frame

NOBODY: frozenset[str] = frozenset()
FULL = {"seat-0": Choice(2, "full")}


class Shown:
    def __init__(self) -> None:
        self.track: int | None = 7
        self.frames: dict[int, Frame] = {0: Frame(320, 180, 30), 2: Frame(1280, 720, 30)}

    def visible(self, slot: str) -> int | None:
        return self.track

    def frame(self, track: int, spatial: int) -> Frame | None:
        return self.frames.get(spatial)


@pytest.fixture
def receiver() -> Receiver:
    transport: Any = None
    return Receiver("dan", transport, audio={"seat-0": 1}, video={"seat-0": 2})


def test_targets_are_given_once(receiver: Receiver) -> None:
    assert receiver.retarget(FULL, NOBODY) == [(1, 0, 7), (2, 2, 7)]
    assert receiver.retarget(dict(FULL), NOBODY) == []
    assert receiver.retarget({}, NOBODY) == [(2, -1, 7)]
    assert receiver.retarget(FULL, frozenset({"seat-0"})) == [(1, -1, 7)]


def test_nothing_is_told_between_two_pictures(receiver: Receiver) -> None:
    shown = Shown()
    receiver.retarget(FULL, NOBODY)
    assert receiver.take_pictures(shown) == {}
    assert receiver.news  # asked again a second later
    receiver.switched(2, 7, 2)
    assert receiver.take_pictures(shown) == {"seat-0": Picture(1280, 720, 30, "full")}
    assert not receiver.news
    shown.track = 8  # somebody else's camera, not yet forwarded
    assert receiver.take_pictures(shown) == {}


def test_small_changes_are_not_worth_a_word(receiver: Receiver) -> None:
    shown = Shown()
    receiver.retarget(FULL, NOBODY)
    receiver.switched(2, 7, 2)
    receiver.take_pictures(shown)
    shown.frames[2] = Frame(1280, 720, 27)
    assert receiver.take_pictures(shown) == {}
    shown.frames[2] = Frame(1280, 720, 15)
    assert receiver.take_pictures(shown)["seat-0"] == Picture(1280, 720, 15, "full")


def test_the_reasons(receiver: Receiver) -> None:
    shown = Shown()
    receiver.retarget(FULL, NOBODY)
    receiver.switched(2, 7, 0)
    assert receiver.take_pictures(shown)["seat-0"] == Picture(320, 180, 30, "source")
    receiver.retarget({"seat-0": Choice(0, "budget")}, NOBODY)
    assert receiver.take_pictures(shown)["seat-0"] == Picture(320, 180, 30, "budget")
    receiver.retarget({"seat-0": Choice(-1, "budget")}, NOBODY)
    receiver.switched(2, None, -1)
    assert receiver.take_pictures(shown)["seat-0"] == Picture(0, 0, 0, "budget")
    receiver.retarget({"seat-0": None}, NOBODY)
    assert receiver.take_pictures(shown)["seat-0"] == Picture(0, 0, 0, "off")
    shown.track = None
    assert receiver.take_pictures(shown) == {"seat-0": None}
    assert receiver.take_pictures(shown) == {}


def test_a_picture_that_stands_still_is_the_sources_doing(receiver: Receiver) -> None:
    shown = Shown()
    receiver.retarget(FULL, NOBODY)
    receiver.switched(2, 7, 2)
    shown.frames[2] = Frame(1280, 720, 0)
    assert receiver.take_pictures(shown)["seat-0"].reason == "source"  # type: ignore[union-attr]


def test_the_own_slot_is_no_picture(receiver: Receiver) -> None:
    receiver.retarget(FULL, frozenset({"seat-0"}))
    receiver.switched(2, 7, 2)
    assert receiver.take_pictures(Shown()) == {}
