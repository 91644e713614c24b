"""People in a room."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

from sfu.track import Source, Track

WORDS: Final = 64
"""Characters that are taken of each thing that a client says of itself."""


class Role(StrEnum):
    """What somebody is in a room; the organizer has all rights of a presenter."""

    ORGANIZER = "organizer"
    PRESENTER = "presenter"
    ATTENDEE = "attendee"
    VIEWER = "viewer"

    @property
    def presents(self) -> bool:
        """Whether the role runs the event and asks for a seat."""
        return self in (Role.ORGANIZER, Role.PRESENTER)


@dataclass(frozen=True, slots=True)
class Client:
    """What a participant's client says of itself; None is unknown."""

    browser: str | None = None
    platform: str | None = None

    @classmethod
    def said(cls, words: Mapping[str, object]) -> "Client":
        """Out of what stands in a join: as that may be anything, short printable texts are taken,
        and nothing else of it is kept."""
        return cls(_word(words.get("browser")), _word(words.get("platform")))


def _word(said: object) -> str | None:
    if not isinstance(said, str):
        return None
    return "".join(c for c in said[:WORDS] if c.isprintable()).strip() or None


@dataclass(frozen=True, slots=True)
class SlotView:
    """How one slot is looked at: the height of its picture, and who steps down last."""

    max_height: int | None = None
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class View:
    """What a participant looks at; a slot that is not listed has the profile's default.

    `pin` is a participant's id, "" for nobody. None is what has not been said.
    """

    slots: Mapping[str, SlotView | Literal["off"]] = field(default_factory=dict)
    layout: Literal["gallery", "presenter"] | None = None
    pin: str | None = None
    auto_speaker: bool | None = None

    def merged(self, newer: "View") -> "View":
        """This view with what `newer` says put over it, slot by slot."""
        return View(
            slots={**self.slots, **newer.slots},
            layout=newer.layout or self.layout,
            pin=self.pin if newer.pin is None else newer.pin,
            auto_speaker=self.auto_speaker if newer.auto_speaker is None else newer.auto_speaker,
        )


@dataclass(slots=True, eq=False)
class Participant:
    """Somebody in a room; only the room changes it.

    `id` is what every command takes; `identity` is who it is to the backend.
    `joined_at` is in seconds since the epoch. `can` None means what the role gives.
    """

    id: str
    identity: str
    name: str
    role: Role
    joined_at: float
    can: frozenset[Source] | None = None
    metadata: object = None
    client: Client = field(default_factory=Client)
    jti: str | None = None
    """Of the token they came with; None without one."""
    resume: str | None = None
    """What is kept of the token that takes their session up again."""
    seat: int | None = None
    gallery: int | None = None
    """The place of somebody who publishes without a seat, in a meeting."""
    allowed: frozenset[Source] | None = None
    """What presenters let them publish; None for all that role and mode give."""
    blocked: bool = False
    status: str | None = None
    tracks: dict[Source, Track] = field(default_factory=dict)
    view: View = field(default_factory=View)

    @property
    def place(self) -> int | None:
        """The number of the slot that shows them."""
        return self.gallery if self.seat is None else self.seat

    def sends(self, source: Source) -> bool:
        """Whether this source is published and not muted."""
        track = self.tracks.get(source)
        return track is not None and not track.muted
