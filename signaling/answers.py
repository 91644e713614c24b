"""What the server answers to requests, and the shapes that answers and events share."""

from typing import Any, Literal

from pydantic import ConfigDict

from sfu.errors import Refusal
from sfu.signaling.messages import Message


class Ok(Message):
    """The request is done."""

    type: Literal["ok"] = "ok"
    id: int | str


class Error(Message):
    """The request is refused; further fields depend on the code."""

    model_config = ConfigDict(extra="allow")

    type: Literal["error"]
    id: int | str | None
    code: str
    message: str
    path: str | None = None
    trace: str | None = None
    """Of the socket, as in the server's log."""


def refused(id: int | str | None, refusal: Refusal, trace: str | None) -> Error:
    """The answer to what is refused, without the fields that have nothing to say."""
    details = {name: value for name, value in refusal.details.items() if value != ""}
    if trace is not None:
        details["trace"] = trace
    return Error.model_validate(
        {**details, "type": "error", "id": id, "code": refusal.code, "message": refusal.message}
    )


class Person(Message):
    """Somebody in the room. `sources` are those published: `{source: {muted}}`; `status` is their
    sign; `blocked` and `allowed` are what presenters let them publish, null for all of it."""

    id: str
    identity: str
    name: str
    role: str
    seat: int | None
    sources: dict[str, dict[str, bool]]
    status: str | None
    blocked: bool
    allowed: list[str] | None
    joined_at: float
    metadata: Any = None


class Guest(Message):
    """Somebody at the door. Reasons: `preparing`, `locked`, `full`, or `queue` for those whose way
    is free and whose turn comes."""

    id: str
    identity: str
    name: str
    role: str
    reason: str
    since: float
    metadata: Any = None


class RoomFacts(Message):
    """The room's settings and state; `counts` is people by role. `sources` is what people without
    a seat may publish in meeting mode."""

    id: str
    tenant: str
    kind: str
    state: str
    mode: str
    locked: bool
    video: str
    screen: str
    access: str
    messages: str
    sources: list[str]
    permanent: bool
    starts_at: str | None
    limits: dict[str, int]
    counts: dict[str, int]


class SeatContent(Message):
    """Who is on a seat's slot; false means muted or off."""

    participant: str
    camera: bool
    microphone: bool


class ScreenContent(Message):
    """Who shares; false means muted or off."""

    participant: str
    screen: bool
    screen_audio: bool


SlotContent = SeatContent | ScreenContent | None


class Snapshot(Message):
    """All that a newcomer needs. `speaker` is who speaks now, as far as it is for them. `profiles`
    holds the budgets in bit/s by source; `ice_servers` is for RTCPeerConnection, with credentials
    that expire; `resume` is for taking the session up again, once.

    `resumed`: this is the session of before. `events` is how many events it has had up to here,
    an `admitted` with itself, and `lost` how many of those that were missed are not told any
    more."""

    participant: Person
    room: RoomFacts
    participants: list[Person]
    slots: dict[str, SlotContent]
    speaker: str | None
    profiles: dict[str, dict[str, int]]
    ice_servers: list[dict[str, Any]]
    resume: str
    resumed: bool = False
    events: int = 0
    lost: int = 0


class Joined(Snapshot):
    """The answer to `join` for who is in. An `offer` follows."""

    type: Literal["ok"] = "ok"
    id: int | str
    status: Literal["admitted"] = "admitted"


class Waiting(Snapshot):
    """The answer to `join` for who has to wait: `reason` is `preparing`, `locked`, `full` or
    `queue`, `position` counts from 1. Of the room only its facts are told. An `admitted` event
    follows when the door opens; until then only `leave` and `ping` are taken."""

    type: Literal["ok"] = "ok"
    id: int | str
    status: Literal["waiting"] = "waiting"
    reason: str
    position: int


class Answered(Ok):
    """The answer to `publish`."""

    sdp: str
