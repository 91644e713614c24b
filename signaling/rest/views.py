"""What backends are shown: one model per document. Times are RFC 3339, in UTC."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from sfu.kept import Kept
from sfu.live_room import LiveRoom
from sfu.participant import Participant
from sfu.room import Room, doors
from sfu.signaling.rest.bodies import (
    Access,
    Kind,
    Limits,
    Messages,
    Record,
    Screen,
    Source,
    Video,
)
from sfu.store.records import rfc3339

Role = Literal["organizer", "presenter", "attendee", "viewer"]


class View(BaseModel):
    """A JSON object."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class RoomView(View):
    """A room: its settings and its state."""

    id: str
    room: str
    """The same as `id`."""
    tenant: str
    kind: Kind
    access: Access
    starts_at: str | None
    permanent: bool
    limits: Limits
    video: Video
    screen: Screen
    record: Record
    messages: Messages
    sources: list[Source]
    """What people without a seat may publish in meeting mode."""
    locked: bool
    metadata: JsonValue
    state: Literal["preparing", "live", "ended"]
    mode: Literal["presenters-only", "webinar", "meeting"]
    counts: dict[Role, int]
    """People inside."""
    waiting: int
    """People at the door."""
    created_at: str
    started_at: str | None
    version: int
    """Rises with every change of settings, state, lock and mode; the `ETag` holds it."""


class SourceView(View):
    """A published source."""

    muted: bool
    codec: str


class ParticipantView(View):
    """Somebody in the room, or at its door."""

    id: str
    identity: str
    name: str
    role: Role
    seat: int | None
    state: Literal["admitted", "waiting"]
    position: int | None
    """Place in the queue, from 1, of somebody who waits."""
    reason: str | None
    """What they wait for: preparing, locked, full, queue."""
    sources: dict[str, SourceView]
    """Published sources only."""
    quality: float | None
    """Of what they receive, the mean so far, 1 (bad) to 5 (excellent); null when nothing is
    known."""
    blocked: bool
    allowed: list[str] | None
    status: str | None
    joined_at: str
    metadata: JsonValue


class RoomList(View):
    """A page of rooms."""

    items: list[RoomView]
    cursor: str | None
    """Of the next page; null when this is the last one."""


class ParticipantList(View):
    """A page of people."""

    items: list[ParticipantView]
    cursor: str | None
    """Of the next page; null when this is the last one."""


class TokenView(View):
    """A join token."""

    token: str
    jti: str
    """What it is revoked by."""
    expires_at: str


class UsageView(View):
    """A usage record: one of each stay (`participant`) and of each run of a room (`event`).

    Of a stay also `event`, `participant`, `identity`, `joined_at`, `left_at`, `reason`,
    `seconds_by_role`, `client`, `bytes_sent`, `bytes_received`, `quality` and `freezes`: how often
    and for how many seconds pictures stood still, by what kept the next frame (`link`, `keyframe`,
    `publisher`), each `{count, seconds}`.
    """

    model_config = ConfigDict(extra="allow")

    id: str
    """Unique: a record that is seen again has the same one."""
    kind: str
    """`participant` or `event`."""
    tenant: str
    room: str


class UsageList(View):
    """A page of usage records, oldest first."""

    items: list[UsageView]
    cursor: str | None
    """Goes on behind the last item, now or later; null on an empty page."""


class HealthView(View):
    """How the server is."""

    status: Literal["ok", "ready", "unready"]
    reason: str | None = None


def room_view(room: Room, kept: Kept) -> RoomView:
    """A room."""
    options = room.options
    return RoomView(
        id=room.id,
        room=room.id,
        tenant=room.tenant,
        kind=options.kind,
        access=options.access,
        starts_at=options.starts_at,
        permanent=options.permanent,
        limits=Limits(
            attendees=options.attendees,
            presenters=options.presenters,
            cameras=options.cameras,
            meeting=options.meeting,
            viewers=options.viewers,
            microphones=options.microphones,
        ),
        video=options.video,
        screen=options.screen,
        record=options.record,
        messages=options.messages,
        sources=[source.value for source in sorted(options.sources)],
        locked=room.locked,
        metadata=_json(options.metadata),
        state=room.state.value,
        mode=room.mode.value,
        counts={role.value: count for role, count in room.counts.items()},
        waiting=len(room.waiting),
        created_at=rfc3339(kept.created_at),
        started_at=None if room.started_at is None else rfc3339(room.started_at),
        version=kept.version,
    )


def participant_view(
    live: LiveRoom, participant: Participant, positions: Mapping[str, int]
) -> ParticipantView:
    """Somebody inside, or at the door; `positions` is of all who wait there."""
    room = live.room
    account = live.accounts.get(participant.id)
    quality = None if account is None else account.quality
    waits = participant.id in room.waiting
    return ParticipantView(
        id=participant.id,
        identity=participant.identity,
        name=participant.name,
        role=participant.role.value,
        seat=participant.seat,
        state="waiting" if waits else "admitted",
        position=positions.get(participant.id),
        reason=(doors.barrier(room, participant) or "queue") if waits else None,
        sources={
            source.value: SourceView(muted=track.muted, codec=track.media.codec)
            for source, track in participant.tracks.items()
        },
        quality=None if quality is None else round(quality, 2),
        blocked=participant.blocked,
        allowed=None if participant.allowed is None else sorted(participant.allowed),
        status=participant.status,
        joined_at=rfc3339(participant.joined_at),
        metadata=_json(participant.metadata),
    )


def etag(kept: Kept) -> str:
    """Of a room's document (RFC 9110 §8.8.3); counts of people do not make another one."""
    return f'"{kept.version}"'


def usage_view(record: Mapping[str, Any]) -> UsageView:
    """A usage record, whatever it holds besides."""
    return UsageView.model_validate(dict(record))


def _json(value: Any) -> JsonValue:
    found: JsonValue = value
    return found
