"""What a room is made with, and the words for its state."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from sfu.track import Source


class State(StrEnum):
    """A room is in one of these.

    PREPARING ──start──> LIVE ──end──> ENDED
        ^                                 |
        +───────── permanent rooms <──────+
    """

    PREPARING = "preparing"
    LIVE = "live"
    ENDED = "ended"


class Mode(StrEnum):
    """Who is heard and seen by whom."""

    PRESENTERS_ONLY = "presenters-only"
    WEBINAR = "webinar"
    MEETING = "meeting"


Messages = Literal["everybody", "to-presenters", "presenters", "off"]

ALL_SOURCES = frozenset(Source)


@dataclass(frozen=True, slots=True)
class Options:
    """A room's settings. Numbers are of people; `presenters` is without the organizer.

    `sources` is what somebody without a seat may publish in a meeting.
    `microphones` is how many are forwarded at a time: the loudest.
    `password` is a hash, None for a room without one. `viewers` counts in webcasts.
    """

    kind: Literal["webinar", "meeting", "webcast"] = "webinar"
    video: Literal["sd", "hd"] = "sd"
    screen: Literal["lite", "hq", "browser"] = "lite"
    presenters: int = 4
    cameras: int = 4
    attendees: int = 1000
    meeting: int = 25
    viewers: int = 10_000
    waiting: int = 10_000
    microphones: int = 5
    access: Literal["open", "password", "token"] = "token"
    password: str | None = None
    permanent: bool = False
    starts_at: str | None = None
    record: Literal["off", "manual", "auto"] = "off"
    messages: Messages = "everybody"
    sources: frozenset[Source] = ALL_SOURCES
    metadata: object = None
