"""What is known of a track as it arrives."""

from sfu.sent import Frame, Sent
from sfu.track import Media, Source, Stream, Track

THREE = tuple(Stream(rid, 0, 0) for rid in "qhf")


def sent() -> Sent:
    return Sent(Track("ann", Source.CAMERA, Media("1", "vp8", THREE)))


def test_a_camera_is_assumed_until_it_is_seen() -> None:
    assert [layer.height for layer in sent().layers] == [180, 360, 720]
    assert sent().frames == [None, None, None]


def test_heights_and_rates_are_taken_over() -> None:
    track = sent()
    replan, news = track.observe([(90_000, 15.2, 160, 90), (0, 0.0, 0, 0), (0, 0.0, 0, 0)])
    assert (replan, news) == (True, True)
    assert track.layers[0].height == 90
    assert track.layers[0].bps == 90_000
    assert track.layers[1].height == 360
    assert track.frames[:2] == [Frame(160, 90, 15), Frame(0, 0, 0)]
    again = track.observe([(90_500, 15.6, 160, 90), (0, 0.0, 0, 0), (0, 0.0, 0, 0)])
    assert again == (False, False)
    assert track.observe([(90_000, 29.0, 160, 90)]) == (False, True)
    told = [track.observe([(90_000, fps, 160, 90)])[1] for fps in (28.0, 27.0, 26.0, 25.0)]
    assert told == [False, False, True, False], "small steps add up"
    assert track.observe([(0, 0.0, 160, 90)])[1], "it stands still"


def test_temporal_layers_are_those_of_browsers_simulcast() -> None:
    def temporal(codec: str, streams: tuple[Stream, ...]) -> int:
        return Sent(Track("ann", Source.CAMERA, Media("1", codec, streams))).layers[0].temporal

    assert temporal("vp8", THREE) == 3
    assert temporal("vp8", THREE[:1]) == temporal("h264", THREE) == 1


def test_what_is_expected_follows_the_height() -> None:
    track = sent()
    before = track.layers[0].expected
    track.observe([(90_000, 30.0, 1280, 720)])
    assert track.layers[0].expected > 5 * before


def test_a_screen_that_is_quiet_for_long_is_expected_to_stay_so_but_a_camera_is_not() -> None:
    camera = sent()
    screen = Sent(Track("ann", Source.SCREEN, Media("1", "vp8", THREE[:1])))
    before = [track.layers[0].expected for track in (camera, screen)]
    for _ in range(60):
        camera.observe([(50_000, 30.0, 320, 180)])
        screen.observe([(50_000, 15.0, 1280, 720)])
    assert camera.layers[0].expected == before[0]
    assert screen.layers[0].expected < 0.1 * before[1]


def test_more_layers_than_were_described_are_passed_over() -> None:
    track = sent()
    track.observe([(1, 1.0, 1, 1)] * 9)
    assert len(track.layers) == 3
