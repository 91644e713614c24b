"""Sources."""

from sfu.track import Source


def test_kinds() -> None:
    assert [source for source in Source if source.is_video] == [Source.CAMERA, Source.SCREEN]
    assert [source for source in Source if source.is_screen] == [
        Source.SCREEN,
        Source.SCREEN_AUDIO,
    ]
