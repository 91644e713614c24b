"""Plans are shared by those who look at the same things, and made anew when the stage changes."""

from sfu.bandwidth.layers import Choice, Layer
from sfu.commands import Join, Publish
from sfu.participant import Role, SlotView, View
from sfu.plans import Plans, own_slots
from sfu.room import SCREEN, Options, Room
from sfu.track import Media, Source

LAYERS = (Layer(150_000, 180), Layer(450_000, 360), Layer(1_250_000, 720))
SCREEN_LAYER = (Layer(1_800_000, 1080),)


def hall(*, video: str = "hd") -> Room:
    room = Room("acme", "hall", Options(video=video))  # type: ignore[arg-type]
    for name in ("ann", "bob"):
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


def test_equal_views_share_one_plan() -> None:
    plans = Plans(hall(), Stage(seat_1=LAYERS, seat_2=LAYERS))
    nothing: frozenset[str] = frozenset()
    one = plans.plan(View({"seat-1": SlotView(180), "seat-2": "off"}), nothing)
    two = plans.plan(View({"seat-2": "off", "seat-1": SlotView(180)}, layout="gallery"), nothing)
    assert one is two
    assert plans.plan(View(), nothing) is not one
    assert plans.plan(View(), frozenset({"seat-1"})).keys() == {"seat-2"}


def test_plans_last_until_they_are_forgotten() -> None:
    stage = Stage(seat_1=LAYERS)
    plans = Plans(hall(), stage)
    first = plans.plan(View(), frozenset())
    stage.shown = {}
    assert plans.plan(View(pin="x"), frozenset()) == first
    assert stage.asked == 1
    plans.forget()
    assert plans.plan(View(), frozenset()) == {}


def test_a_slot_that_is_off_is_planned_as_nothing() -> None:
    plans = Plans(hall(), Stage(seat_1=LAYERS))
    assert plans.plan(View({"seat-1": "off"}), frozenset()) == {"seat-1": None}


def test_the_profile_is_the_default_height() -> None:
    plan = Plans(hall(video="sd"), Stage(seat_1=LAYERS)).plan(View(), frozenset())
    assert plan == {"seat-1": Choice(1, "view")}


def test_the_screen_has_its_own_share_and_goes_first() -> None:
    room = hall()
    room.apply(Publish("ann", {Source.SCREEN: Media("2", "vp8", ())}), "ann", 0)
    big = (Layer(150_000, 180), Layer(2_300_000, 720))
    plans = Plans(room, Stage(seat_2=big, screen=SCREEN_LAYER))
    # One HD camera and a lite screen: 0.5 + 2 + 2 Mbit/s.
    assert plans.plan(View(), frozenset()) == {
        "seat-2": Choice(1, "full"),
        SCREEN: Choice(0, "full"),
    }
    greedy = Plans(room, Stage(seat_2=big, screen=(Layer(500_000, 360), Layer(4_000_000, 1080))))
    assert greedy.plan(View(), frozenset()) == {
        "seat-2": Choice(0, "budget"),
        SCREEN: Choice(1, "full"),
    }


def test_own_slots_are_seat_and_screen() -> None:
    room = hall()
    room.apply(Publish("ann", {Source.SCREEN: Media("2", "vp8", ())}), "ann", 0)
    assert own_slots(room, room.participant("ann")) == {"seat-1", SCREEN}
    assert own_slots(room, room.participant("bob")) == {"seat-2"}
    room.apply(Join("dan", "dan", "dan", Role.ATTENDEE), "dan", 0)
    assert own_slots(room, room.participant("dan")) == frozenset()
