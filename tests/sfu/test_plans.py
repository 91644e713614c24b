"""Plans are shared by those who look at the same things, and made anew when the stage changes."""

import pytest

from sfu.bandwidth.staircase import Layer
from sfu.commands import Join, Publish
from sfu.participant import Role, SlotView, View
from sfu.plans import MAX_PLANS, MAX_SPEAKERS, Plan, Plans, looked, own_slots
from sfu.room import SCREEN, Options, Room
from sfu.track import Media, Source

LAYERS = (Layer(150_000, 180), Layer(450_000, 360), Layer(1_250_000, 720))
SLIDES = (Layer(1_800_000, 1080),)
NOBODY: frozenset[str] = frozenset()


def hall(*, video: str = "hd", **options: int) -> Room:
    given = Options(video=video, **options)  # type: ignore[arg-type]
    room = Room("acme", "hall", given)
    for name in ("ann", "bob", "cat"):
        room.apply(Join(name, name, name, Role.PRESENTER), name, 0)
        media = {Source.CAMERA: Media("1", "vp8", ()), Source.MICROPHONE: Media("0", "opus", ())}
        room.apply(Publish(name, media), name, 0)
    return room


class Stage:
    def __init__(self, **shown: tuple[Layer, ...]) -> None:
        self.shown = {slot.replace("_", "-"): layers for slot, layers in shown.items()}
        self.asked = 0

    def __call__(self) -> dict[str, tuple[Layer, ...]]:
        self.asked += 1
        return self.shown


def slots_of(plan: Plan) -> list[str]:
    return [step.slot for step in plan.staircase.steps]


@pytest.fixture
def three() -> Plans:
    return Plans(hall(), Stage(seat_1=LAYERS, seat_2=LAYERS, seat_3=LAYERS))


def test_equal_views_share_one_plan() -> None:
    plans = Plans(hall(), Stage(seat_1=LAYERS, seat_2=LAYERS))
    one = plans.plan(looked(View({"seat-1": SlotView(180), "seat-2": "off"}), NOBODY))
    two = View({"seat-2": "off", "seat-1": SlotView(180)}, layout="gallery")
    assert one is plans.plan(looked(two, NOBODY))
    assert plans.plan(looked(View(), NOBODY)) is not one
    assert set(slots_of(plans.plan(looked(View(), frozenset({"seat-1"}))))) == {"seat-2"}


def test_plans_last_until_they_are_forgotten() -> None:
    stage = Stage(seat_1=LAYERS)
    plans = Plans(hall(), stage)
    plans.plan(looked(View(), NOBODY))
    stage.shown = {}
    assert slots_of(plans.plan(looked(View(pin="x"), NOBODY)))
    assert stage.asked == 1
    plans.forget()
    assert slots_of(plans.plan(looked(View(), NOBODY))) == []


def test_plans_are_bounded(three: Plans) -> None:
    for height in range(1, 3 * MAX_PLANS):
        three.plan(looked(View({"seat-1": SlotView(height)}), NOBODY))
    assert len(three._plans) <= MAX_PLANS


def test_a_slot_that_is_off_is_no_step() -> None:
    plans = Plans(hall(), Stage(seat_1=LAYERS))
    plan = plans.plan(looked(View({"seat-1": "off", "seat-2": "off"}), NOBODY))
    assert slots_of(plan) == []
    assert plan.off == {"seat-1"}


def test_the_profile_is_the_default_height() -> None:
    plan = Plans(hall(video="sd"), Stage(seat_1=LAYERS)).plan(looked(View(), NOBODY))
    end = plan.staircase.ends["seat-1"]
    assert (end.aim.spatial, end.reason) == (1, "view")


def test_sound_and_the_call_type_are_the_limits() -> None:
    plan = Plans(hall(), Stage(seat_1=LAYERS)).plan(looked(View(), NOBODY))
    assert plan.staircase.cumulative[0] == 3 * 64_000
    assert plan.staircase.ceiling == 512_000 + 2_000_000
    own = frozenset({"seat-1"})
    alone = Plans(hall(), Stage(seat_1=LAYERS)).plan(looked(View(), own))
    assert alone.staircase.ceiling == 512_000
    assert alone.staircase.cumulative[0] == 2 * 64_000


def test_the_screen_has_its_own_share_and_goes_first() -> None:
    room = hall()
    room.apply(Publish("ann", {Source.SCREEN: Media("2", "vp8", ())}), "ann", 0)
    plans = Plans(room, Stage(seat_2=LAYERS, screen=SLIDES))
    plan = plans.plan(looked(View(), NOBODY))
    # One HD camera and a lite screen: 0.5 + 2 + 2 Mbit/s.
    assert plan.staircase.ceiling == 4_512_000
    assert slots_of(plan) == [SCREEN, "seat-2", "seat-2", "seat-2"]
    greedy = Plans(room, Stage(seat_2=LAYERS, screen=(Layer(500_000, 360), Layer(4_000_000, 1080))))
    ends = greedy.plan(looked(View(), NOBODY)).staircase.ends
    assert ends[SCREEN].reason == "full"
    assert ends["seat-2"].reason == "budget"


def test_the_screen_gives_resolution_before_frame_rate() -> None:
    layers = tuple(layer._replace(temporal=3) for layer in LAYERS)
    plan = Plans(hall(), Stage(screen=layers)).plan(looked(View(), NOBODY))
    assert [step[1:3] for step in plan.staircase.steps][:3] == [(0, 0), (1, 0), (2, 0)]


def test_who_speaks_steps_down_last_and_who_spoke_before_the_others(three: Plans) -> None:
    three.speak("bob")
    three.speak("cat")
    assert slots_of(three.plan(looked(View(), NOBODY))) == [
        "seat-3", "seat-2", "seat-1", "seat-3", "seat-3", "seat-2", "seat-1", "seat-2", "seat-1",
    ]  # fmt: skip
    three.speak(None)
    assert slots_of(three.plan(looked(View(), NOBODY)))[:5] == [
        "seat-3", "seat-2", "seat-1", "seat-3", "seat-2",
    ]  # fmt: skip


def test_a_view_may_want_somebody_else_or_not_the_speaker(three: Plans) -> None:
    three.speak("bob")
    pinned = slots_of(three.plan(looked(View(pin="ann"), NOBODY)))
    assert pinned[:2] == ["seat-1", "seat-2"]
    assert pinned[3:7] == ["seat-1", "seat-1", "seat-2", "seat-2"]
    still = slots_of(three.plan(looked(View(auto_speaker=False), NOBODY)))
    assert still[3:5] == ["seat-2", "seat-1"], "only among equals"
    asked = View({"seat-3": SlotView(priority=200)})
    assert slots_of(three.plan(looked(asked, NOBODY)))[0] == "seat-3"


def test_former_speakers_are_bounded(three: Plans) -> None:
    for number in range(3 * MAX_SPEAKERS):
        three.speak(f"p-{number}")
    assert len(three._speakers) == MAX_SPEAKERS


def test_own_slots_are_seat_and_screen() -> None:
    room = hall()
    room.apply(Publish("ann", {Source.SCREEN: Media("2", "vp8", ())}), "ann", 0)
    assert own_slots(room, room.participant("ann")) == {"seat-1", SCREEN}
    assert own_slots(room, room.participant("bob")) == {"seat-2"}
    room.apply(Join("dan", "dan", "dan", Role.ATTENDEE), "dan", 0)
    assert own_slots(room, room.participant("dan")) == frozenset()


def test_what_a_receiver_did_not_accept_costs_nothing_of_its_budget() -> None:
    codecs = {"seat-1": "vp8", "seat-2": "h264"}
    plans = Plans(hall(), Stage(seat_1=LAYERS, seat_2=LAYERS), lambda: codecs)
    every = plans.plan(looked(View(), NOBODY, frozenset({"vp8", "h264", "opus"})))
    assert set(slots_of(every)) == {"seat-1", "seat-2"}
    some = plans.plan(looked(View(), NOBODY, frozenset({"vp8", "opus"})))
    assert set(slots_of(some)) == {"seat-1"}
    alone = Plans(hall(), Stage(seat_1=LAYERS)).plan(looked(View(), NOBODY))
    assert some.staircase.cumulative[-1] == alone.staircase.cumulative[-1]
