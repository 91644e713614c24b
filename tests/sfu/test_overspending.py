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
    ann.exceed(CUT_AT)
    assert ann.caps == [2, 1]
    assert ann.told[-1] == (True, {"camera": 1})
    ann.exceed()
    assert ann.caps == [0], "what was measured was not all"


def test_what_was_never_measured_is_cut_all_the_same(ann: Publisher) -> None:
    ann.exceed(CUT_AT)
    assert ann.caps == [2]
    assert {each["sending"] for each in ann.visitor.events("upload")} == {BUDGET}


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


def test_what_is_over_is_forgotten_in_the_end(ann: Publisher) -> None:
    ann.send(*TOO_MUCH)
    ann.exceed(CUT_AT - 1)
    ann.send(*FITS, seconds=PATIENCE + 2)
    assert ann.told == [(True, {}), (False, {})]
    ann.send(seconds=FORGET)
    ann.exceed(CUT_AT - 1)
    assert ann.caps == []
    assert ann.told == [(True, {})]
    ann.exceed()
    assert len(ann.caps) == 1


def test_the_picture_that_is_too_much_is_cut_not_the_others() -> None:
    def sent(source: Source, *rates: int) -> Sent:
        streams = tuple(Stream(str(at), 0, 0) for at in range(len(rates)))
        found = Sent(Track("ann", source, Media("0", "vp8", streams)))
        found.observe([(bps, 30.0, 320, 180) for bps in rates])
        return found

    camera, screen = sent(Source.CAMERA, *FITS), sent(Source.SCREEN, 9_000_000)
    told: list[Any] = []
    over = Overspending(
        lambda _: [camera, screen], lambda *_: None, lambda _, what: told.append(what)
    )
    budgets = {Source(name): bps for name, bps in upload("hd", "lite").items()}
    for _ in range(CUT_AT):
        over.exceeded("ann", sum(budgets.values()), budgets, 0.0)
    assert (camera.forwarded, screen.forwarded) == (3, 0)
    assert told[-1].held == {Source.SCREEN: 0}


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
