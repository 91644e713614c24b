"""Publishers who send more than they may."""

from typing import Any

import pytest

from sfu.config.budgets import AUDIO, upload
from sfu.media import sending
from sfu.media_metrics import samples
from sfu.overspending import CUT_AT, FORGET, PATIENCE, Overspending
from sfu.sent import Sent
from sfu.track import Media, Source, Stream, Track
from tests.sfu import fake_plane
from tests.sfu.house import House, Visitor
from tests.sfu.test_stage import tracks

BUDGET = upload("hd", "lite")["camera"] + AUDIO
FITS = (150_000, 450_000, 1_250_000)
TOO_MUCH = (150_000, 450_000, 4_000_000)
FAR_TOO_MUCH = (1_500_000, 3_000_000, 6_000_000)


class Publisher:
    """Sends microphone and camera as it likes."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.visitor: Visitor = house.presenter()
        self.visitor.read()
        house.stay(self.visitor)
        self.rates: tuple[int, ...] = FITS
        self.tracks = tracks(house)
        self._seen = 0

    def send(self, *rates: int, seconds: float = 1.0) -> None:
        """The camera's layers bring so much from now on."""
        self.rates = rates or self.rates
        for _ in range(round(seconds)):
            layers = [(bps, 30.0, 320 << at, 180 << at) for at, bps in enumerate(self.rates)]
            self.house.report(fake_plane.TrackRates(self.tracks["vp8"], layers))
            self.house.report(fake_plane.TrackRates(self.tracks["opus"], [(40_000, 50.0, 0, 0)]))
            self.house.pass_time(1)

    def exceed(self, times: int = 1) -> None:
        stage = self.house.live().stage
        uplink = stage and stage.uplinks.get(self.visitor.id)
        assert uplink
        self.house.report(*[fake_plane.Exceeded(uplink.id)] * times)

    @property
    def caps(self) -> list[int]:
        """What the worker was told since the last look."""
        caps = [layers for _, layers in self.house.worker.named("cap")]
        before, self._seen = self._seen, len(caps)
        return caps[before:]

    @property
    def told(self) -> list[tuple[bool, dict[str, int]]]:
        return [(each["over"], each["held"]) for each in self.visitor.events("upload")]


@pytest.fixture
def ann(house: House) -> Publisher:
    return Publisher(house)


def test_sound_alone_has_a_limit_from_the_beginning(ann: Publisher, house: House) -> None:
    assert {sound for *_, sound in house.worker.named("set_upload")} == {AUDIO}


def test_who_sends_too_much_is_told_first_and_cut_then(ann: Publisher) -> None:
    ann.send(*TOO_MUCH)
    ann.exceed()
    (event,) = ann.visitor.events("upload")
    assert event == {
        "type": "upload", "budget": BUDGET, "sending": 4_640_000, "over": True, "held": {},
    }  # fmt: skip
    ann.exceed(CUT_AT - 2)
    assert (ann.caps, ann.told) == ([], [])
    ann.exceed()
    assert (ann.caps, ann.told) == ([2], [(True, {"camera": 2})])
    ann.send(seconds=3)
    assert (ann.caps, ann.told) == ([], []), "what is left fits"


def test_as_much_is_cut_as_has_to_be(ann: Publisher) -> None:
    ann.send(*FAR_TOO_MUCH)
    ann.exceed(CUT_AT + 2)
    assert ann.caps == [2, 1], "what came with it was sent before"
    assert ann.told[-1] == (True, {"camera": 1})
    ann.send(seconds=2)
    ann.exceed()
    assert ann.caps == [], "what is left fits"


def test_what_is_not_measured_yet_is_told_and_cut_once_it_is(ann: Publisher) -> None:
    ann.exceed(CUT_AT)
    assert ann.caps == []
    assert [each["sending"] for each in ann.visitor.events("upload")] == [BUDGET]
    ann.send(*TOO_MUCH)
    assert ann.caps == [2]


def test_a_layer_comes_back_once_it_fits_and_later_each_time(ann: Publisher) -> None:
    for times, patience in ((CUT_AT, PATIENCE), (1, 2 * PATIENCE)):
        ann.send(*TOO_MUCH)
        ann.exceed(times)
        assert ann.caps == [2]
        ann.send(*FITS, seconds=patience)
        assert ann.caps == []
        ann.send(seconds=3)
        assert ann.caps == [3]
        assert ann.told[-1] == (False, {})


@pytest.mark.parametrize("times", [1, CUT_AT - 1])
def test_what_is_over_is_forgotten_in_the_end(ann: Publisher, times: int) -> None:
    ann.send(*TOO_MUCH)
    ann.exceed(times)
    ann.send(*FITS, seconds=PATIENCE + 2)
    assert ann.told == [(True, {}), (False, {})]
    ann.send(seconds=FORGET)
    ann.send(*TOO_MUCH)
    ann.exceed(CUT_AT - 1)
    assert ann.caps == []
    assert ann.told == [(True, {})]
    ann.exceed()
    assert len(ann.caps) == 1


def test_what_is_too_much_once_in_a_while_is_only_told(ann: Publisher) -> None:
    ann.send(*TOO_MUCH)
    for _ in range(5):
        ann.exceed()
        ann.send(seconds=0.75 * FORGET)
    assert ann.caps == []


def test_it_is_cut_for_what_was_too_much_then_not_later(ann: Publisher) -> None:
    ann.send(*FITS)
    ann.exceed(CUT_AT)
    ann.send(seconds=4)
    ann.send(*TOO_MUCH)
    assert ann.caps == []


def test_what_is_tolerated_forgets_and_brings_back(ann: Publisher) -> None:
    hovering = (150_000, 450_000, BUDGET - 40_000 - 600_000 + BUDGET // 50)
    for _ in range(CUT_AT):
        ann.send(*hovering, seconds=FORGET / (CUT_AT - 1))
        ann.exceed()
    assert ann.caps == []
    ann.send(*TOO_MUCH)
    ann.exceed(CUT_AT)
    assert ann.caps == [2]
    ann.send(*hovering, seconds=PATIENCE + 3)
    assert ann.caps == [3]


def test_another_connection_begins_uncut(ann: Publisher, house: House) -> None:
    ann.send(*TOO_MUCH)
    ann.exceed(CUT_AT)
    assert ann.told[-1] == (True, {"camera": 2})
    stage = house.live().stage
    assert stage is not None
    for sent in stage.published(ann.visitor.id):
        sent.forwarded = len(sent.bps)  # as of tracks that are made anew
    ann.send(*FITS, seconds=PATIENCE + 3)
    assert ann.told[-1] == (False, {})
    assert dict(_held(house))["sfu_uploads_held"] == 0


def sent(source: Source, *rates: int) -> Sent:
    streams = tuple(Stream(str(at), 0, 0) for at in range(len(rates)))
    found = Sent(Track("ann", source, Media("0", "vp8", streams)))
    measure(found, *rates)
    return found


def measure(found: Sent, *rates: int) -> None:
    found.observe([(bps, 30.0, 320, 180) for bps in rates])


class Two:
    """A camera and a screen of one publisher; `now` moves with `tick`."""

    def __init__(self, camera: tuple[int, ...], screen: tuple[int, ...]) -> None:
        self.camera, self.screen = sent(Source.CAMERA, *camera), sent(Source.SCREEN, *screen)
        self.told: list[Any] = []
        self.budgets = {Source(name): bps for name, bps in upload("hd", "lite").items()}
        self.ceiling = self.budgets[Source.CAMERA] + self.budgets[Source.SCREEN]
        self.now = 100.0
        self.over = Overspending(
            lambda _: [self.camera, self.screen],
            lambda *_: None,
            lambda _, what: self.told.append(what),
        )

    def exceed(self, times: int = CUT_AT) -> None:
        for _ in range(times):
            self.over.exceeded("ann", self.ceiling, self.budgets, self.now)

    def tick(self, seconds: float) -> None:
        for _ in range(round(seconds)):
            self.now += 1
            self.over.tick(lambda _: self.ceiling, self.now)


def test_the_picture_that_is_too_much_is_cut_not_the_others() -> None:
    two = Two(FITS, (9_000_000,))
    two.exceed()
    assert (two.camera.forwarded, two.screen.forwarded) == (3, 0)
    assert two.told[-1].held == {Source.SCREEN: 0}


def test_a_picture_within_its_budget_is_not_cut_for_what_is_not_measured_yet() -> None:
    two = Two((1_900_000,), (300_000,))
    two.exceed()
    assert (two.camera.forwarded, two.screen.forwarded) == (1, 1)
    measure(two.screen, 9_000_000)
    two.tick(1)
    assert (two.camera.forwarded, two.screen.forwarded) == (1, 0)


def test_a_picture_that_fits_comes_back_though_another_does_not() -> None:
    two = Two(TOO_MUCH, (9_000_000,))
    two.exceed()
    assert (two.camera.forwarded, two.screen.forwarded) == (2, 0)
    measure(two.camera, *FITS)
    two.tick(PATIENCE + 2)
    assert (two.camera.forwarded, two.screen.forwarded) == (3, 0)
    assert two.told[-1].held == {Source.SCREEN: 0}


def test_operators_see_it_and_receivers_plan_without(ann: Publisher, house: House) -> None:
    ann.send(*TOO_MUCH)
    ann.exceed(CUT_AT)
    ann.send()
    seen = dict(_held(house))
    assert seen == {"sfu_uploads_held": 1, "sfu_uploads_over_budget": 1}
    found = sending(house.live(), ann.visitor.id)
    assert found is not None
    camera = found.sources[Source.CAMERA]
    assert [each.forwarded for each in camera] == [True, True, False]
    assert [each.bps for each in camera] == list(TOO_MUCH)
    assert [each.height for each in camera] == [180, 360, 0]


def _held(house: House) -> Any:
    for name, _, value in samples(house.forwarders, house.rooms):
        if name in ("sfu_uploads_held", "sfu_uploads_over_budget"):
            yield name, value
