"""The bandwidth presets of calls, in bits per second.

| call type               | download = upload of a presenter |
| ----------------------- | -------------------------------- |
| audio                   | 512 kbit/s                       |
| audio + one SD camera   | 512 kbit/s + 1 Mbit/s            |
| audio + one HD camera   | 512 kbit/s + 2 Mbit/s            |
| n cameras, n from 3     | n · 0.5 + n · 1 Mbit/s           |
| screen share, lite      | 2 Mbit/s on top                  |
| screen share, hq        | 2 to 5 Mbit/s on top             |
| screen share, browser   | 1 to 4 Mbit/s on top             |

A budget is a ceiling, never exceeded over one second, and a promise: a link of
that capacity carries the call at full quality.
"""

from typing import Final, Literal, NamedTuple

Video = Literal["sd", "hd"]
Screen = Literal["lite", "hq", "browser"]


class Span(NamedTuple):
    """What a source needs at least to be worth showing, and what it gets at most."""

    least: int
    most: int


AUDIO: Final = 512_000
CAMERA: Final[dict[Video, int]] = {"sd": 1_000_000, "hd": 2_000_000}
SCREEN: Final[dict[Screen, Span]] = {
    "lite": Span(2_000_000, 2_000_000),
    "hq": Span(2_000_000, 5_000_000),
    "browser": Span(1_000_000, 4_000_000),
}


class Budget(NamedTuple):
    """A ceiling, split by what it may be spent on."""

    audio: int
    video: int
    screen: int = 0

    @property
    def total(self) -> int:
        """Everything together."""
        return self.audio + self.video + self.screen


def download(cameras: int, video: Video, screen: Screen | None = None) -> Budget:
    """What one participant may receive while `cameras` cameras are shown.

    Two cameras are not in the table; they follow the row of n, and two of them
    get no less video than one HD camera. Galleries beyond seven go on by the same row.
    """
    audio = max(AUDIO, cameras * _AUDIO_OF_MANY)
    shared = cameras * _CAMERA_OF_MANY
    alone = CAMERA[video] if cameras else 0
    return Budget(audio, max(alone, shared), SCREEN[screen].most if screen else 0)


def upload(video: Video, screen: Screen) -> dict[str, int]:
    """What one presenter may send, per source."""
    return {
        "microphone": AUDIO,
        "camera": CAMERA[video],
        "screen": SCREEN[screen].most,
        "screen_audio": AUDIO,
    }


class CallType(NamedTuple):
    """What a kind of call takes: of everybody who watches, and of one presenter who takes part."""

    name: str
    download: Span
    upload: Span


def call_types() -> tuple[CallType, ...]:
    """The table above, row by row: `most` is the budget, `least` is what still makes a call, with
    voices alone or pictures of the lowest layer.

    A presenter sends their own picture alone, however many others are shown; a screen comes on top
    of sound.
    """

    def cameras(count: int, most: int) -> Span:
        return Span(_VOICES + count * _SMALL_PICTURE, most)

    voices = Span(_VOICES, AUDIO)
    rows = [CallType("audio", voices, voices)]
    for video, most in CAMERA.items():
        span = cameras(1, AUDIO + most)
        rows.append(CallType(f"audio and one camera, {video.upper()}", span, span))
    for screen, span in SCREEN.items():
        both = Span(_VOICES + span.least, AUDIO + span.most)
        rows.append(CallType(f"screen share, {screen}", both, both))
    sent = cameras(1, AUDIO + CAMERA["sd"])
    for count in range(3, 8):
        received = cameras(count, download(count, "sd").total)
        rows.append(CallType(f"{count} cameras", received, sent))
    return tuple(rows)


_VOICES = 128_000
_SMALL_PICTURE = 160_000
_AUDIO_OF_MANY = 500_000
_CAMERA_OF_MANY = 1_000_000
