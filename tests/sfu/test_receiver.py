"""What one receiver is aimed at and told."""

from typing import Any

import pytest

from sfu.bandwidth.staircase import ALL_TEMPORAL, NOTHING, Aim, Demand, Layer, staircase
from sfu.events import Picture
from sfu.participant import View
from sfu.plans import Plan, looked
from sfu.receiver import Descent, Receiver, Target
from sfu.sent import Frame

NOBODY: frozenset[str] = frozenset()
CAMERA = (Layer(150_000, 180, 3), Layer(450_000, 360, 3), Layer(1_250_000, 720, 3))


class Shown:
    def __init__(self) -> None:
        self.track: int | None = 7
        self.frames: dict[int, Frame] = {
            0: Frame(320, 180, 30), 1: Frame(640, 360, 30), 2: Frame(1280, 720, 30)
        }  # fmt: skip

    def visible(self, slot: str) -> int | None:
        return self.track

    def frame(self, track: int, spatial: int) -> Frame | None:
        return self.frames.get(spatial)


class Dan(Receiver):
    """A receiver that shows one camera; keeps what it has the worker do."""

    def __init__(self) -> None:
        transport: Any = None
        self.ordered: list[list[Target]] = []
        super().__init__("dan", transport, self.ordered.append, {"seat-0": 1}, {"seat-0": 2})
        self.look(View())

    def look(self, view: View, own: frozenset[str] = NOBODY, ceiling: float = 9e9) -> None:
        self.looked = looked(view, own)
        demands = [Demand("seat-0", CAMERA)] if view == View() else []
        stairs = staircase(demands, audio=64_000, ceiling=ceiling)
        self.plan = Plan(stairs, frozenset() if demands else frozenset({"seat-0"}))
        self.rise(stairs.top)

    def rise(self, level: int, descent: Descent = Descent.AS_IT_WAS) -> list[Target]:
        assert self.plan is not None
        self.level, self.aims = level, self.plan.staircase.aims(level)
        return self.aim_video(["seat-0"], descent)


@pytest.fixture
def dan() -> Dan:
    return Dan()


def test_targets_are_given_once(dan: Dan) -> None:
    assert dan.aim_audio(NOBODY) == [(1, 0, ALL_TEMPORAL)]
    assert dan.aim_audio(NOBODY) == []
    assert dan.aim_audio(frozenset({"seat-0"})) == [(1, -1, ALL_TEMPORAL)]
    assert dan.rise(7) == []
    assert dan.rise(6) == [(2, 2, 1)]
    assert dan.rise(0) == [(2, *NOTHING)]
    assert dan.aim_video(["seat-9"], Descent.AS_IT_WAS) == []


def test_a_fresh_egress_is_told_even_that_it_is_paused() -> None:
    dan = Dan()
    dan._targets.clear()
    assert dan.rise(0) == [(2, *NOTHING)]


def test_who_falls_far_is_not_sent_what_is_left_of_a_higher_layer(dan: Dan) -> None:
    dan.switched(2, 7, 2)
    assert dan.rise(3, Descent.AT_ONCE) == [(2, 0, ALL_TEMPORAL, True)]
    dan.switched(2, 7, 0)
    assert dan.ordered == []
    assert dan.rise(2, Descent.AT_ONCE) == [(2, 0, 1)], "it is no higher layer"


def test_scarcity_thins_the_higher_layer_until_the_lower_one_has_come(dan: Dan) -> None:
    dan.switched(2, 7, 2)
    assert dan.rise(3, Descent.SLOWED) == [(2, 0, 0)]
    dan.switched(2, 7, 2)
    assert dan.ordered == []
    dan.switched(2, 7, 0)
    assert dan.ordered == [[(2, 0, ALL_TEMPORAL)]]
    dan.switched(2, 7, 0)
    assert len(dan.ordered) == 1


def test_what_is_aimed_at_meanwhile_counts(dan: Dan) -> None:
    dan.switched(2, 7, 2)
    dan.rise(3, Descent.SLOWED)
    assert dan.rise(7) == [(2, 2, ALL_TEMPORAL)]
    dan.switched(2, 7, 0)
    assert dan.ordered == []
    dan.switched(2, 7, 2)
    assert dan.rise(0, Descent.SLOWED) == [(2, *NOTHING)], "a pause is at once"


def test_nothing_is_told_between_two_pictures(dan: Dan) -> None:
    shown = Shown()
    assert dan.take_pictures(shown) == {}
    assert dan.news  # asked again a second later
    dan.switched(2, 7, 2)
    assert dan.take_pictures(shown) == {"seat-0": Picture(1280, 720, 30, "full")}
    assert not dan.news
    shown.track = 8  # somebody else's camera, not yet forwarded
    assert dan.take_pictures(shown) == {}


def test_small_changes_are_not_worth_a_word(dan: Dan) -> None:
    shown = Shown()
    dan.switched(2, 7, 2)
    dan.take_pictures(shown)
    shown.frames[2] = Frame(1280, 720, 27)
    assert dan.take_pictures(shown) == {}
    shown.frames[2] = Frame(1280, 720, 15)
    assert dan.take_pictures(shown)["seat-0"] == Picture(1280, 720, 15, "full")


def test_the_reasons(dan: Dan) -> None:
    shown = Shown()
    dan.switched(2, 7, 0)
    assert dan.take_pictures(shown) == {}, "the better layer is on its way"
    shown.frames[2] = Frame(0, 0, 0)
    assert dan.take_pictures(shown)["seat-0"] == Picture(320, 180, 30, "publisher")
    dan.rise(3)
    assert dan.take_pictures(shown)["seat-0"] == Picture(320, 180, 30, "link")
    dan.rise(0)
    assert dan.take_pictures(shown)["seat-0"] == Picture(0, 0, 0, "link")
    dan.look(View(), ceiling=300_000)
    assert dan.take_pictures(shown)["seat-0"] == Picture(320, 180, 30, "budget")
    dan.look(View({"seat-0": "off"}))
    assert dan.take_pictures(shown)["seat-0"] == Picture(0, 0, 0, "off")
    shown.track = None
    assert dan.take_pictures(shown) == {"seat-0": None}
    assert dan.take_pictures(shown) == {}


def test_half_the_frames_are_told_as_such(dan: Dan) -> None:
    dan.switched(2, 7, 2)
    assert dan.rise(6) == [(2, *Aim(2, 1))]
    assert dan.take_pictures(Shown())["seat-0"] == Picture(1280, 720, 15, "link")
    dan.switched(2, 7, 0)
    dan.rise(1)
    assert dan.take_pictures(Shown())["seat-0"] == Picture(320, 180, 7, "link")


def test_before_the_path_is_up_there_is_nothing_to_tell(dan: Dan) -> None:
    dan.level = None
    assert dan.take_pictures(Shown()) == {}


def test_a_picture_that_stands_still_is_the_publishers_doing(dan: Dan) -> None:
    shown = Shown()
    dan.switched(2, 7, 2)
    shown.frames[2] = Frame(1280, 720, 0)
    assert dan.take_pictures(shown)["seat-0"].reason == "publisher"  # type: ignore[union-attr]


def test_the_own_slot_is_no_picture(dan: Dan) -> None:
    dan.look(View(), frozenset({"seat-0"}))
    dan.switched(2, 7, 2)
    assert dan.take_pictures(Shown()) == {}
