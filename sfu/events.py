"""What happened: values that travel between the layers.

A *change* comes from `Room.apply` and is complete: the packet plane, the
audience's events and the embedding program's events all follow from the same
list. A *notice* is news of the packet plane for one participant.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sfu.options import Mode
from sfu.participant import Participant
from sfu.track import Source, Track


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
    """Somebody is gone. Reasons: left, disconnected, replaced, removed, banned, token_revoked,
    ended."""

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

    @property
    def shows(self) -> bool:
        """Whether there is a picture."""
        return self.camera

    @property
    def sounds(self) -> bool:
        """Whether there is sound."""
        return self.microphone


@dataclass(frozen=True, slots=True)
class ScreenShown:
    """Who shares; what is False is muted or off."""

    participant: str
    screen: bool
    screen_audio: bool

    @property
    def shows(self) -> bool:
        """Whether there is a picture."""
        return self.screen

    @property
    def sounds(self) -> bool:
        """Whether there is sound."""
        return self.screen_audio


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


@dataclass(frozen=True, slots=True)
class RoomStarted:
    """The event has begun."""


@dataclass(frozen=True, slots=True)
class RoomEnded:
    """The event is over; everybody has left by the changes before this one."""


@dataclass(frozen=True, slots=True)
class RoomConfigured:
    """Settings have changed."""


@dataclass(frozen=True, slots=True)
class RoomNearlyFull:
    """Nine places of ten are taken."""

    people: int
    places: int


@dataclass(frozen=True, slots=True)
class LockChanged:
    """Newcomers wait, or do so no longer; `by` None for the backend."""

    locked: bool
    by: str | None


@dataclass(frozen=True, slots=True)
class ModeChanged:
    """Who is heard and seen by whom is another matter now."""

    mode: Mode
    by: str | None


@dataclass(frozen=True, slots=True)
class SlotsAdded:
    """There are more slots than before: receiving connections need them, too."""

    slots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ParticipantWaiting:
    """Somebody is at the door."""

    participant: Participant
    reason: str


@dataclass(frozen=True, slots=True)
class ParticipantAdmitted:
    """Somebody who waited comes in; their ParticipantJoined follows."""

    participant: Participant


@dataclass(frozen=True, slots=True)
class ParticipantTurnedAway:
    """Somebody who waited is gone, with the reasons of ParticipantLeft."""

    participant: Participant
    reason: str


@dataclass(frozen=True, slots=True)
class SeatGranted:
    """Somebody sits in a seat now."""

    participant: Participant
    seat: int
    by: str | None


@dataclass(frozen=True, slots=True)
class SeatRevoked:
    """Somebody has lost their seat."""

    participant: Participant
    seat: int
    by: str | None


@dataclass(frozen=True, slots=True)
class MessageSent:
    """An app message; `sender` None for the backend."""

    sender: str | None
    to: str
    topic: str
    body: object


@dataclass(frozen=True, slots=True)
class OrderGiven:
    """Somebody has had something done, as the event log has it (`sfu.event_log`)."""

    event: str
    by: Participant | None
    """None is the backend, or the server itself."""
    participant: Participant | None
    """Whom it was about, if it was one person."""
    details: Mapping[str, object]


Change = (
    RoomOpened
    | RoomStarted
    | RoomEnded
    | RoomConfigured
    | RoomNearlyFull
    | LockChanged
    | ModeChanged
    | SlotsAdded
    | ParticipantWaiting
    | ParticipantAdmitted
    | ParticipantTurnedAway
    | SeatGranted
    | SeatRevoked
    | MessageSent
    | ParticipantJoined
    | ParticipantLeft
    | ParticipantUpdated
    | TrackPublished
    | TrackUnpublished
    | TrackMuted
    | SlotChanged
    | ViewChanged
    | SpeakerChanged
    | OrderGiven
)


Reason = Literal["full", "view", "budget", "link", "publisher", "off"]


@dataclass(frozen=True, slots=True)
class Picture:
    """What a slot's video is now, and why it is not more."""

    width: int
    height: int
    fps: int
    reason: Reason


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


@dataclass(frozen=True, slots=True)
class LayersWanted:
    """Which layers of one's own picture anybody watches, lowest first; the lowest is always
    wanted. What is not wanted need not be sent, until it is wanted again."""

    source: Source
    wanted: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class CongestionChanged:
    """The receiving connection carries less than is wanted, in bit/s; equal when it is over."""

    available: int
    wanted: int


@dataclass(frozen=True, slots=True)
class UploadExceeded:
    """More is published than the room's budget allows, in bit/s; not any more when not `over`."""

    budget: int
    sending: int
    """As measured over the last second, of what is not muted; the budget at least when it has just
    been exceeded."""
    over: bool
    held: Mapping[Source, int]
    """Of sources that are cut, how many of their layers are forwarded."""


Notice = QualityChanged | ConnectionLost | LayersWanted | CongestionChanged | UploadExceeded


@dataclass(frozen=True, slots=True)
class RoomEvent:
    """A change together with where and when (seconds since the epoch) it happened."""

    tenant: str
    room: str
    at: float
    change: Change
