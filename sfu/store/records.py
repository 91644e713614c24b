"""What is kept, as values: rooms, stays, events, usage records, undelivered webhooks.

Times are in seconds since the epoch, as `time.time` gives them; in usage
records and webhooks they are RFC 3339 texts in UTC with milliseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from sfu.bandwidth.stills import CAUSES, Freezes
from sfu.participant import Client, Role

Document = Mapping[str, object]
"""What JSON calls an object; the store keeps it and understands none of it."""

DAY: Final = 86_400.0
NO_FREEZES: Final = Freezes()


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept, in seconds, and how many of them."""

    usage: float = 400 * DAY
    usage_per_tenant: int = 1_000_000
    webhooks: float = DAY + 7200.0
    """They are given up, and counted, after a day; this is for what nobody delivers at all."""
    webhooks_per_room: int = 100_000
    idempotency: float = DAY
    events: float = 90 * DAY
    events_per_room: int = 10_000


@dataclass(frozen=True, slots=True)
class StoredRoom:
    """A room as it was last saved."""

    tenant: str
    id: str
    version: int
    document: Document


@dataclass(frozen=True, slots=True)
class Idempotent:
    """What was answered to a request with an Idempotency-Key."""

    digest: str
    """Of the request, so that another request with the same key is told apart."""
    response: Document


@dataclass(frozen=True, slots=True)
class Totals:
    """What has been counted of a stay so far; bytes as the server sees them.

    `quality` is the mean score of the `scored` seconds (`sfu.bandwidth.quality`), None of none.
    """

    bytes_sent: int = 0
    bytes_received: int = 0
    quality: float | None = None
    scored: float = 0.0
    freezes: Freezes = NO_FREEZES

    @classmethod
    def of(
        cls,
        bytes_sent: int,
        bytes_received: int,
        quality: float | None,
        scored: float = 0.0,
        *freezes: Any,
    ) -> "Totals":
        """Of `flat`, and of what earlier versions kept, which knew less."""
        return cls(bytes_sent, bytes_received, quality, scored, Freezes(*freezes))

    def flat(self) -> tuple[int | float | None, ...]:
        """As numbers in a row, which stores keep."""
        return self.bytes_sent, self.bytes_received, self.quality, self.scored, *self.freezes

    def plus(self, further: "Totals") -> "Totals":
        """Both together."""
        scored = self.scored + further.scored
        total = (self.quality or 0.0) * self.scored + (further.quality or 0.0) * further.scored
        return Totals(
            bytes_sent=self.bytes_sent + further.bytes_sent,
            bytes_received=self.bytes_received + further.bytes_received,
            quality=total / scored if scored > 0 else None,
            scored=scored,
            freezes=self.freezes.plus(further.freezes),
        )


@dataclass(frozen=True, slots=True)
class Stay:
    """Somebody is in a room, from their join until they leave; `id` is the participant's."""

    id: str
    tenant: str
    room: str
    event: str
    identity: str
    joined_at: float
    role: Role | None
    """None while they are away, which counts for no role."""
    since: float
    """When they took this role."""
    spent: Mapping[Role, float] = field(default_factory=dict)
    """Seconds in each role before that."""
    client: Client = field(default_factory=Client)
    resume: Document | None = None
    """What the signaling session needs to go on with this stay after a restart."""
    left: tuple[float, str] | None = None
    """When and why they have left, of a stay that is open for its totals only."""

    def seconds(self, until: float) -> dict[Role, float]:
        """Time in each role up to `until`; a clock that was set back counts as standing still."""
        total = {role: self.spent.get(role, 0.0) for role in Role}
        if self.role is not None:
            total[self.role] += max(0.0, until - self.since)
        return total

    def resumed_by(self, changed: Mapping[str, object]) -> "Stay":
        """The same stay, with something else in `resume`."""
        return replace(self, resume={**(self.resume or {}), **changed}) if changed else self

    def with_role(self, role: Role | None, now: float) -> "Stay":
        """The same stay, in another role from now on."""
        return replace(self, role=role, since=now, spent=self.seconds(now))

    def moved(self, step: float) -> "Stay":
        """The same stay, by a clock that was set by so many seconds."""
        return replace(self, joined_at=self.joined_at + step, since=self.since + step)


@dataclass(frozen=True, slots=True)
class LastSeen:
    """A stay without an end yet, and what was last known of it."""

    stay: Stay
    seen_at: float
    totals: Totals

    def moved(self, step: float) -> "LastSeen":
        """The same, by a clock that was set by so many seconds."""
        return LastSeen(self.stay.moved(step), self.seen_at + step, self.totals)


@dataclass(frozen=True, slots=True)
class Event:
    """One run of a room, from its start to its end."""

    id: str
    tenant: str
    room: str
    kind: str
    started_at: float

    def moved(self, step: float) -> "Event":
        """The same event, by a clock that was set by so many seconds."""
        return replace(self, started_at=self.started_at + step)


@dataclass(frozen=True, slots=True)
class Page:
    """Usage records, or entries of a log, in the order they were made. `cursor` goes on behind the
    last one; it is None when there is none."""

    items: list[Document]
    cursor: str | None
    more: bool
    """Whether there are further records now."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A webhook that waits in its room's queue; `position` names it to the store."""

    position: str
    tenant: str
    room: str
    id: str
    name: str
    at: float
    attempts: int
    body: str
    """JSON text, as it is signed and sent."""


def rfc3339(at: float) -> str:
    """2026-01-02T03:04:05.678Z."""
    text = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def participant_record(
    stay: Stay, left_at: float, reason: str, totals: Totals
) -> dict[str, object]:
    """The usage record of a stay; its `id` follows from the stay, so it can be made only once."""
    left_at = max(left_at, stay.joined_at)
    return {
        "id": f"stay-{stay.id}",
        "kind": "participant",
        "tenant": stay.tenant,
        "room": stay.room,
        "event": stay.event,
        "participant": stay.id,
        "identity": stay.identity,
        "joined_at": rfc3339(stay.joined_at),
        "left_at": rfc3339(left_at),
        "reason": reason,
        "seconds_by_role": {role: round(s, 3) for role, s in stay.seconds(left_at).items()},
        "client": {"browser": stay.client.browser, "platform": stay.client.platform},
        "bytes_sent": totals.bytes_sent,
        "bytes_received": totals.bytes_received,
        "quality": None if totals.quality is None else round(totals.quality, 2),
        "freezes": {
            cause: {"count": count, "seconds": round(seconds, 3)}
            for cause, count, seconds in zip(
                CAUSES, totals.freezes[:3], totals.freezes[3:], strict=True
            )
        },
        "recordings": [],
    }


def event_record(event: Event, ended_at: float, reason: str) -> dict[str, object]:
    """The usage record of an event, without what the store has counted of its stays:
    `peak_attendance`, `participants`, `stays` and `seconds_by_role`."""
    return {
        "id": f"event-{event.id}",
        "kind": "event",
        "tenant": event.tenant,
        "room": event.room,
        "event": event.id,
        "room_kind": event.kind,
        "started_at": rfc3339(event.started_at),
        "ended_at": rfc3339(max(ended_at, event.started_at)),
        "reason": reason,
        "recordings": [],
    }
