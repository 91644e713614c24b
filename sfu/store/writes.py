"""What can be written. A commit is a sequence of these: all of it is done, or none.

Every write may come again without harm, but for `Enqueue`: a stay or an event
is closed once, and makes one usage record, however often it is told to close.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sfu.store.records import Document, Event, Stay, Totals


@dataclass(frozen=True, slots=True)
class SaveRoom:
    """Keep a room, in place of what was kept of it."""

    tenant: str
    id: str
    document: Document
    version: int


@dataclass(frozen=True, slots=True)
class RemoveRoom:
    """Forget a room, its bans and identities; its webhooks are still delivered."""

    tenant: str
    id: str


@dataclass(frozen=True, slots=True)
class SaveBan:
    """Keep an identity out of a room."""

    tenant: str
    room: str
    identity: str
    at: float


@dataclass(frozen=True, slots=True)
class RemoveBan:
    """Let an identity come again."""

    tenant: str
    room: str
    identity: str


@dataclass(frozen=True, slots=True)
class SaveIdentity:
    """Keep what was decided about an identity in a room, in place of what was kept of it."""

    tenant: str
    room: str
    identity: str
    document: Document


@dataclass(frozen=True, slots=True)
class RemoveIdentity:
    """Keep nothing of an identity any more; None is all of the room."""

    tenant: str
    room: str
    identity: str | None


@dataclass(frozen=True, slots=True)
class RevokeToken:
    """Bar a token until it would have ended by itself."""

    tenant: str
    jti: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class SaveIdempotency:
    """Keep the answer to a request with an Idempotency-Key."""

    tenant: str
    key: str
    digest: str
    response: Document
    expires_at: float


@dataclass(frozen=True, slots=True)
class OpenStay:
    """Begin a stay, or keep what has changed of an open one. One that was closed stays closed."""

    stay: Stay


@dataclass(frozen=True, slots=True)
class TouchStays:
    """The heartbeat: these stays, by id, still went on at this time, with these totals."""

    at: float
    totals: Mapping[str, Totals]


@dataclass(frozen=True, slots=True)
class CloseStay:
    """End a stay and make its usage record; `announce` adds a `usage` webhook with it."""

    stay: Stay
    left_at: float
    reason: str
    totals: Totals
    recorded_at: float
    announce: bool = False


@dataclass(frozen=True, slots=True)
class OpenEvent:
    """A room has started. Stays that name the event may have been opened before."""

    event: Event


@dataclass(frozen=True, slots=True)
class CloseEvent:
    """A room has ended: makes the event's usage record, out of the stays that were closed before.

    `event` None is an event that never started: what was counted of it is dropped.
    """

    id: str
    event: Event | None
    ended_at: float
    reason: str
    recorded_at: float
    announce: bool = False


@dataclass(frozen=True, slots=True)
class AddUsage:
    """A usage record of another kind; a second one with the same id is passed over."""

    tenant: str
    room: str
    id: str
    record: Document
    recorded_at: float
    announce: bool = False


@dataclass(frozen=True, slots=True)
class Enqueue:
    """A webhook to be delivered, behind all others of its room.

    `id`, `event`, `at` and `room` of the body are made of the fields here.
    """

    tenant: str
    room: str
    id: str
    name: str
    at: float
    body: Document


@dataclass(frozen=True, slots=True)
class Delivered:
    """A webhook needs no further attempt: it is delivered, or given up."""

    tenant: str
    room: str
    position: str


@dataclass(frozen=True, slots=True)
class Retry:
    """The first webhook of a room was not delivered: hold the room's queue until `next_at`."""

    tenant: str
    room: str
    next_at: float
    attempts: int


@dataclass(frozen=True, slots=True)
class LogEvent:
    """An entry of a room's event log, behind all others; it outlives the room."""

    tenant: str
    room: str
    at: float
    entry: Document


@dataclass(frozen=True, slots=True)
class Prune:
    """Forget what has been kept long enough (`Retention`)."""

    now: float


Write = (
    SaveRoom
    | RemoveRoom
    | SaveBan
    | RemoveBan
    | SaveIdentity
    | RemoveIdentity
    | RevokeToken
    | SaveIdempotency
    | OpenStay
    | TouchStays
    | CloseStay
    | OpenEvent
    | CloseEvent
    | AddUsage
    | Enqueue
    | Delivered
    | Retry
    | LogEvent
    | Prune
)
