"""The shapes of what the server tells; docs/protocol.md has every field."""

from typing import Any, Literal, TypedDict

Frame = dict[str, Any]
"""A frame of the protocol: an event, or an answer."""

SourceName = Literal["microphone", "camera", "screen", "screen_audio"]
Kind = Literal["audio", "video"]
State = Literal["new", "connected", "waiting", "joined", "resuming", "closed"]


class Participant(TypedDict, total=False):
    """Somebody in the room. Presenters learn of everybody, attendees of those on a seat."""

    id: str
    identity: str
    name: str
    role: Literal["organizer", "presenter", "attendee", "viewer"]
    seat: int | None
    sources: dict[SourceName, dict[str, bool]]
    status: str | None
    blocked: bool
    allowed: list[SourceName] | None
    joined_at: float
    metadata: Any


class Guest(TypedDict, total=False):
    """Somebody at the door."""

    id: str
    identity: str
    name: str
    role: str
    reason: Literal["preparing", "locked", "full", "queue"]
    since: float
    metadata: Any


class Holder(TypedDict, total=False):
    """Who is on a slot; a source that is false is muted or off."""

    participant: str
    camera: bool
    microphone: bool
    screen: bool
    screen_audio: bool


class SlotView(TypedDict, total=False):
    """How a slot is looked at: pixels of height, and who steps down last."""

    max_height: int
    priority: int
