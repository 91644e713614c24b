"""What the server tells without being asked."""

from typing import Final, Literal

from sfu.signaling.answers import Person, SlotContent
from sfu.signaling.messages import Message


class OfferEvent(Message):
    """The server's offer for the receiving connection; `slots` says which slot an m-line (by mid)
    belongs to. Answer it with `answer`."""

    type: Literal["offer"] = "offer"
    sdp: str
    slots: dict[str, str]


class SlotsEvent(Message):
    """Slots that show something else now; null is an empty slot."""

    type: Literal["slots"] = "slots"
    slots: dict[str, SlotContent]


class ParticipantEvent(Message):
    """Who came, went or changed, gathered over at least 250 ms. Attendees are told of people on
    seats and of the counts, presenters of everybody."""

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
    for; `budget` more does not fit the room's budget; `source` the publisher sends nothing now;
    `off` it was switched off."""

    width: int
    height: int
    fps: int
    reason: str


class QualityEvent(Message):
    """Pictures that have changed, at most once a second; null where nothing is shown any more."""

    type: Literal["quality"] = "quality"
    slots: dict[str, PictureFacts | None]


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
    OfferEvent,
    SlotsEvent,
    ParticipantEvent,
    MutedEvent,
    SpeakerEvent,
    QualityEvent,
    ConnectionEvent,
    RemovedEvent,
    EndedEvent,
    DrainingEvent,
)
