"""Published sources."""

from dataclasses import dataclass
from enum import StrEnum


class Source(StrEnum):
    """What a participant may publish, each at most once."""

    MICROPHONE = "microphone"
    CAMERA = "camera"
    SCREEN = "screen"
    SCREEN_AUDIO = "screen_audio"

    @property
    def is_video(self) -> bool:
        """Whether it is seen rather than heard."""
        return self in (Source.CAMERA, Source.SCREEN)

    @property
    def is_screen(self) -> bool:
        """Whether it belongs on the screen's slot."""
        return self in (Source.SCREEN, Source.SCREEN_AUDIO)


@dataclass(frozen=True, slots=True)
class Stream:
    """One simulcast layer as its description names it; "" and 0 where it does not say."""

    rid: str
    ssrc: int
    rtx_ssrc: int


@dataclass(frozen=True, slots=True)
class Media:
    """How a source arrives: m-line, codec, and its streams, lowest layer first."""

    mid: str
    codec: str
    streams: tuple[Stream, ...]


@dataclass(slots=True, eq=False)
class Track:
    """A published source. `muted` is enforced: the packet plane forwards nothing of it."""

    participant: str
    source: Source
    media: Media
    muted: bool = False
