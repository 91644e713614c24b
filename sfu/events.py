"""What happened: values that travel between the layers.

A *change* comes from `Room.apply` and is complete: the packet plane, the
audience's events and the embedding program's events all follow from the same
list. A *notice* is news of the packet plane for one participant.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sfu.participant import Participant
from sfu.track import Track


@dataclass(frozen=True, slots=True)
class RoomOpened:
    """A room has been made."""

    tenant: str
    room: str


@dataclass(frozen=True, slots=True)
class ParticipantJoined:
    """Somebody is in the room now; `seat` is set already."""

    participant: Participant


@dataclass(frozen=True, slots=True)
class ParticipantLeft:
    """Somebody is gone. Reasons: left, disconnected, replaced, ended, fault."""

    participant: Participant
    reason: str


@dataclass(frozen=True, slots=True)
class ParticipantUpdated:
    """Name, role, seat or sources have changed."""

    participant: Participant


@dataclass(frozen=True, slots=True)
class TrackPublished:
    """A source is published."""

    track: Track


@dataclass(frozen=True, slots=True)
class TrackUnpublished:
    """A source has ended."""

    track: Track


@dataclass(frozen=True, slots=True)
class TrackMuted:
    """A source was muted or unmuted; `by` is a participant's id, None for the backend."""

    track: Track
    muted: bool
    by: str | None


@dataclass(frozen=True, slots=True)
class SeatShown:
    """Who is on a seat's slot; what is False is muted or off."""

    participant: str
    camera: bool
    microphone: bool


@dataclass(frozen=True, slots=True)
class ScreenShown:
    """Who shares; what is False is muted or off."""

    participant: str
    screen: bool
    screen_audio: bool


Shown = SeatShown | ScreenShown | None


@dataclass(frozen=True, slots=True)
class SlotChanged:
    """A slot shows something else."""

    slot: str
    shown: Shown


@dataclass(frozen=True, slots=True)
class ViewChanged:
    """A participant looks at something else."""

    participant: Participant


@dataclass(frozen=True, slots=True)
class SpeakerChanged:
    """Who speaks now; None after a while of silence."""

    participant: str | None


Change = (
    RoomOpened
    | ParticipantJoined
    | ParticipantLeft
    | ParticipantUpdated
    | TrackPublished
    | TrackUnpublished
    | TrackMuted
    | SlotChanged
    | ViewChanged
    | SpeakerChanged
)


@dataclass(frozen=True, slots=True)
class Picture:
    """What a slot's video is now, and why it is not more."""

    width: int
    height: int
    fps: int
    reason: Literal["full", "view", "budget", "source", "off"]


@dataclass(frozen=True, slots=True)
class QualityChanged:
    """Pictures that have changed, by slot; None where nothing is seen any more."""

    slots: Mapping[str, Picture | None]


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """One of the two peer connections has ended."""

    connection: Literal["publish", "receive"]
    reason: str
    opened: bool
    """Whether media could flow before."""


Notice = QualityChanged | ConnectionLost


@dataclass(frozen=True, slots=True)
class RoomEvent:
    """A change together with where and when (seconds since the epoch) it happened."""

    tenant: str
    room: str
    at: float
    change: Change
