"""What operators see of a room's media."""

from sfu.config.budgets import upload
from sfu.media import overview, receiving, sending
from sfu.signaling.rest.media_views import media_view, room_media_view
from sfu.track import Source
from tests.sfu import fake_plane
from tests.sfu.house import House
from tests.sfu.test_stage import tracks

HD = upload("hd", "lite")
LAYERS = [(150_000, 30.0, 320, 180), (450_000, 30.0, 640, 360), (1_250_000, 29.6, 1280, 720)]


def measured(house: House, *layers: tuple[int, float, int, int]) -> None:
    """The camera brings this."""
    house.report(fake_plane.TrackRates(tracks(house)["vp8"], list(layers)))


def test_what_a_publisher_sends_layer_by_layer(house: House) -> None:
    ann, dan = house.presenter(), house.member()
    measured(house, *LAYERS)
    live = house.live()
    found = sending(live, ann.id)
    assert found is not None
    assert found.ceiling == HD["microphone"] + HD["camera"]
    assert found.bps == 1_850_000
    assert [(each.rid, each.bps, each.height) for each in found.sources[Source.CAMERA]] == [
        ("q", 150_000, 180), ("h", 450_000, 360), ("f", 1_250_000, 720),
    ]  # fmt: skip
    assert found.sources[Source.CAMERA][2].fps == 30
    assert [each.bps for each in found.sources[Source.MICROPHONE]] == [0]
    assert sending(live, dan.id) is None


def test_what_a_receiver_is_sent_over_which_path(house: House) -> None:
    ann, dan = house.presenter(), house.member()
    assert receiving(house.live(), dan.id) is None
    measured(house, *LAYERS)
    dan.receive(700_000)
    house.pass_time(2)
    found = receiving(house.live(), dan.id)
    assert found is not None
    assert found.path is not None
    assert 0 < found.path.given < 700_000 < found.path.wanted
    assert found.path.target <= 700_000
    view = media_view(house.live(), house.live().room.participant(dan.id))
    assert view.receive is not None
    assert view.receive.path is not None
    assert view.receive.path.given == round(found.path.given)
    assert view.quality is not None
    assert 2 < view.quality < 5
    assert view.send is None
    sender = media_view(house.live(), house.live().room.participant(ann.id))
    assert sender.send is not None
    assert sender.send.sources["camera"][0].wanted
    assert sender.receive is None


def test_a_room_in_one_line(house: House) -> None:
    house.presenter()
    dan, eve = house.member(), house.member()
    measured(house, *LAYERS)
    dan.receive()
    eve.receive(300_000)
    house.pass_time(2)
    view = room_media_view(house.live().room, overview(house.live()))
    assert (view.people, view.publishers, view.receivers) == (3, 1, 2)
    assert (view.sent, view.budget, view.over_budget) == (
        1_850_000,
        HD["microphone"] + HD["camera"],
        0,
    )
    assert (view.short, view.silent) == (1, 0)
    assert view.rates.given < view.rates.wanted
    assert view.quality is not None
    measured(
        house, (150_000, 30.0, 320, 180), (450_000, 30.0, 640, 360), (2_500_000, 30, 1280, 720)
    )
    assert room_media_view(house.live().room, overview(house.live())).over_budget == 1


def test_an_empty_room_has_no_media(house: House) -> None:
    live = house.prepare()
    view = room_media_view(live.room, overview(live))
    assert (view.people, view.publishers, view.receivers, view.quality) == (0, 0, 0, None)
    assert view.rates.wanted == 0
