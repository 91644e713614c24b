"""What the server tells without being asked."""

from typing import Any, Final, Literal

from pydantic import ConfigDict, Field

from sfu.signaling.answers import Guest, Person, RoomFacts, SlotContent, Snapshot
from sfu.signaling.messages import Message


class OfferEvent(Message):
    """The server's offer for the receiving connection; `slots` says which slot an m-line (by mid)
    belongs to. Answer it with `answer`, and the `number` of the offer: a later one may be under way
    already."""

    type: Literal["offer"] = "offer"
    sdp: str
    slots: dict[str, str]
    number: int


class AdmittedEvent(Snapshot):
    """Who waited is in: the same as the answer to `join`. An `offer` follows."""

    type: Literal["admitted"] = "admitted"
    status: Literal["admitted"] = "admitted"


class QueueEvent(Message):
    """For who waits: what for, and their place, counted from 1; at most every two seconds."""

    type: Literal["queue"] = "queue"
    reason: str
    position: int


class WaitingEvent(Message):
    """For presenters: how many wait, and the first of them in their order."""

    type: Literal["waiting"] = "waiting"
    count: int
    participants: list[Guest]


class NearlyFullEvent(Message):
    """For presenters: nine of ten places are taken."""

    type: Literal["nearly_full"] = "nearly_full"
    people: int
    places: int


class StartedEvent(Message):
    """The event has begun."""

    type: Literal["started"] = "started"


class ModeEvent(Message):
    """Who is heard and seen by whom is another matter now; `by` null is the backend. In
    `presenters-only` all slots are empty for everybody else."""

    type: Literal["mode"] = "mode"
    mode: str
    by: str | None


class LockedEvent(Message):
    """Newcomers wait, or do so no longer; `by` null is the backend."""

    type: Literal["locked"] = "locked"
    locked: bool
    by: str | None


class RoomEvent(Message):
    """The room's settings have changed."""

    type: Literal["room"] = "room"
    room: RoomFacts


class MessageEvent(Message):
    """An app message; `from` null is the backend."""

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    type: Literal["message"] = "message"
    sender: str | None = Field(alias="from")
    to: str
    topic: str
    body: Any


class SlotsEvent(Message):
    """Slots that show something else now; null is an empty slot."""

    type: Literal["slots"] = "slots"
    slots: dict[str, SlotContent]


class ParticipantEvent(Message):
    """Who came, went or changed, gathered over at least 250 ms. Presenters are told of everybody
    but viewers; the others of who is on a slot, of themselves, and of the counts. Who is
    `updated` may be new to the client. A new presenter is told of everybody by `joined`, and one
    who is none any more is told by `left` of whom it will hear no more."""

    type: Literal["participant"] = "participant"
    joined: list[Person]
    left: list[str]
    updated: list[Person]
    counts: dict[str, int]


class MutedEvent(Message):
    """Somebody else has muted one's own source; `by` null is the backend."""

    type: Literal["muted"] = "muted"
    source: str
    by: str | None


class SpeakerEvent(Message):
    """Who speaks now; null after a while of silence."""

    type: Literal["speaker"] = "speaker"
    participant: str | None


class PictureFacts(Message):
    """What a slot's picture is now. Reasons: `full` there is no more; `view` no more was asked
    for; `budget` more does not fit the room's budget; `link` more does not fit the connection;
    `publisher` the publisher sends no more now; `off` it was switched off."""

    width: int
    height: int
    fps: int
    reason: str


class QualityEvent(Message):
    """Pictures that have changed, at most once a second; null where nothing is shown any more."""

    type: Literal["quality"] = "quality"
    slots: dict[str, PictureFacts | None]


class LayersEvent(Message):
    """Which layers of one's own sources anybody watches, by source and rid. What is false need not
    be encoded and sent until it is wanted again; after a new `publish` all are wanted."""

    type: Literal["layers"] = "layers"
    layers: dict[str, dict[str, bool]]


class CongestionEvent(Message):
    """The receiving connection carries less than is wanted, in bit/s, and pictures have stepped
    down for it; equal numbers say that this is over."""

    type: Literal["congestion"] = "congestion"
    available: int
    wanted: int


class UploadEvent(Message):
    """What one publishes is more than the room's budget for it, in bit/s: what lasts is cut.
    `sending` was measured over the last second, and is the budget at least when that has just been
    exceeded; `held` has the sources of which not all layers are forwarded any more, and how many
    are, the lowest; 0 is no picture. Layers come back once they have fitted for a while; `over`
    false says that all fits again."""

    type: Literal["upload"] = "upload"
    budget: int
    sending: int
    over: bool
    held: dict[str, int]


class ConnectionEvent(Message):
    """A peer connection has ended. After `publish` the sources are gone: publish again on a new
    connection. After `receive` a new `offer` follows, for a new connection."""

    type: Literal["connection"] = "connection"
    connection: Literal["publish", "receive"]
    state: Literal["lost"] = "lost"
    reason: str


class RemovedEvent(Message):
    """The session is over: `removed`, `banned`, `token_revoked`, or `replaced` by a second join
    with the same identity. The socket closes."""

    type: Literal["removed"] = "removed"
    reason: str


class EndedEvent(Message):
    """The event is over, for everybody; the socket closes."""

    type: Literal["ended"] = "ended"


class DrainingEvent(Message):
    """The server is about to stop: it goes on for those who are in, for `seconds` at most."""

    type: Literal["draining"] = "draining"
    seconds: float


EVENTS: Final[tuple[type[Message], ...]] = (
    AdmittedEvent,
    QueueEvent,
    WaitingEvent,
    NearlyFullEvent,
    StartedEvent,
    ModeEvent,
    LockedEvent,
    RoomEvent,
    MessageEvent,
    OfferEvent,
    SlotsEvent,
    ParticipantEvent,
    MutedEvent,
    SpeakerEvent,
    QualityEvent,
    LayersEvent,
    CongestionEvent,
    UploadEvent,
    ConnectionEvent,
    RemovedEvent,
    EndedEvent,
    DrainingEvent,
)
