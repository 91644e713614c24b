"""Writes in the flat form that both stores carry out.

Made at the moment a commit is handed in, so that nobody can change a document
afterwards, and one that is no JSON is refused where it comes from. A document
is text from here on. SQLite and Redis build the rest of a usage record or
webhook by joining such texts, so both give the same.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from sfu.participant import Client, Role
from sfu.store.records import (
    Event,
    Stay,
    event_record,
    participant_record,
    rfc3339,
)
from sfu.store.writes import (
    AddUsage,
    CloseEvent,
    CloseStay,
    Delivered,
    Enqueue,
    LogEvent,
    OpenEvent,
    OpenStay,
    Prune,
    RemoveBan,
    RemoveIdentity,
    RemoveRoom,
    Retry,
    RevokeToken,
    SaveBan,
    SaveIdempotency,
    SaveIdentity,
    SaveRoom,
    TouchStays,
    Write,
)

Scalar = str | int | float | None
Operation = tuple[Scalar, ...]
"""The name of what is to be done, then its arguments: the columns of SQLite's tables."""

ROLES: Final = tuple(Role)
"""The order of the four times by role, in milliseconds."""


def encode(writes: Sequence[Write]) -> list[Operation]:
    """Raises TypeError or ValueError for what is no JSON or no Unicode text."""
    operations = [operation for write in writes for operation in _encode(write)]
    for operation in operations:
        for each in operation:
            if isinstance(each, str):
                each.encode()
    return operations


def _encode(write: Write) -> list[Operation]:
    match write:
        case SaveRoom(tenant, id, document, version):
            return [("save_room", tenant, id, version, text(document))]
        case RemoveRoom(tenant, id):
            return [("remove_room", tenant, id)]
        case SaveBan(tenant, room, identity, at):
            return [("save_ban", tenant, room, identity, at)]
        case RemoveBan(tenant, room, identity):
            return [("remove_ban", tenant, room, identity)]
        case SaveIdentity(tenant, room, identity, document):
            return [("save_identity", tenant, room, identity, text(document))]
        case RemoveIdentity(tenant, room, identity):
            return [("remove_identity", tenant, room, identity)]
        case RevokeToken(tenant, jti, expires_at):
            return [("revoke_token", tenant, jti, expires_at)]
        case SaveIdempotency(tenant, key, digest, response, expires_at):
            body = text(response)
            return [("save_idempotency", tenant, key, digest, body, expires_at)]
        case OpenStay(stay):
            return [_open_stay(stay)]
        case TouchStays(at, totals):
            return [
                (
                    "touch_stay",
                    id,
                    at,
                    *each.flat(),
                )
                for id, each in totals.items()
            ]
        case CloseStay():
            return [_close_stay(write)]
        case OpenEvent(event):
            return [("open_event", event.id, event.tenant, text(_event_body(event)))]
        case CloseEvent():
            return [_close_event(write)]
        case AddUsage():
            return [_add_usage(write)]
        case Enqueue(tenant, room, id, name, at, body):
            hook = text(_hook(id, name, at, room, body))
            return [("enqueue", tenant, room, id, name, milliseconds(at), hook)]
        case Delivered(tenant, room, position):
            return [("delivered", tenant, room, position)]
        case Retry(tenant, room, next_at, attempts):
            return [("retry", tenant, room, next_at, attempts)]
        case LogEvent(tenant, room, at, entry):
            return [("log_event", tenant, room, milliseconds(at), text(entry))]
        case Prune(now):
            return [("prune", now)]


def milliseconds(at: float) -> int:
    """What is put in order by time is kept in whole milliseconds."""
    return round(at * 1000)


def text(document: object) -> str:
    """Compact JSON in ASCII, so that no lone surrogate gets anywhere."""
    return json.dumps(document, allow_nan=False, separators=(",", ":"))


def joined(document: str, further: str) -> str:
    """Two texts of JSON objects, the first one not empty, as one."""
    return f"{document[:-1]},{further[1:]}"


def counted(peak: int, participants: int, stays: int, times: tuple[int, ...]) -> str:
    """What the store adds to an event's usage record, as a text of JSON."""
    spent = ",".join(f'"{role}":{time / 1000:.3f}' for role, time in zip(ROLES, times, strict=True))
    return (
        f'{{"peak_attendance":{peak},"participants":{participants},"stays":{stays},'
        f'"seconds_by_role":{{{spent}}}}}'
    )


def _open_stay(stay: Stay) -> Operation:
    body: dict[str, object] = {
        "room": stay.room,
        "identity": stay.identity,
        "joined_at": stay.joined_at,
        "role": stay.role,
        "since": stay.since,
        "spent": stay.spent,
        "client": [stay.client.browser, stay.client.platform],
        "resume": stay.resume,
    }
    if stay.left is not None:
        body["left"] = stay.left
    return (
        "open_stay",
        stay.id,
        stay.tenant,
        stay.event,
        stay.identity,
        f"stay-{stay.id}",
        text(body),
        stay.since,
    )


def stay_of(id: str, tenant: str, event: str, body: str) -> Stay:
    """The stay that `_open_stay` took apart."""
    kept = json.loads(body)
    return Stay(
        id=id,
        tenant=tenant,
        room=kept["room"],
        event=event,
        identity=kept["identity"],
        joined_at=kept["joined_at"],
        role=kept["role"] and Role(kept["role"]),
        since=kept["since"],
        spent={Role(role): seconds for role, seconds in kept["spent"].items()},
        client=Client(*kept["client"]),
        resume=kept["resume"],
        left=tuple(kept["left"]) if "left" in kept else None,
    )


def _close_stay(write: CloseStay) -> Operation:
    stay = write.stay
    record = participant_record(stay, write.left_at, write.reason, write.totals)
    seconds = stay.seconds(max(write.left_at, stay.joined_at))
    return (
        "close_stay",
        stay.id,
        stay.tenant,
        stay.event,
        *(round(seconds[role] * 1000) for role in ROLES),
        stay.room,
        str(record["id"]),
        text(record),
        milliseconds(write.recorded_at),
        _usage_hook(str(record["id"]), stay.room, write.recorded_at, announce=write.announce),
    )


def _event_body(event: Event) -> Mapping[str, object]:
    return {"room": event.room, "kind": event.kind, "started_at": event.started_at}


def event_of(id: str, tenant: str, body: str) -> Event:
    """The event that was opened."""
    kept = json.loads(body)
    return Event(id, tenant, kept["room"], kept["kind"], kept["started_at"])


def _close_event(write: CloseEvent) -> Operation:
    event = write.event
    if event is None:
        return ("drop_event", write.id)
    record = event_record(event, write.ended_at, write.reason)
    id = str(record["id"])
    return (
        "close_event",
        write.id,
        event.tenant,
        event.room,
        id,
        text(record),
        milliseconds(write.recorded_at),
        _usage_hook(id, event.room, write.recorded_at, announce=write.announce),
    )


def _add_usage(write: AddUsage) -> Operation:
    record = {**write.record, "id": write.id, "tenant": write.tenant, "room": write.room}
    hook = _usage_hook(write.id, write.room, write.recorded_at, announce=write.announce)
    return (
        "add_usage",
        write.tenant,
        write.room,
        write.id,
        text(record),
        milliseconds(write.recorded_at),
        hook,
    )


def _usage_hook(record: str, room: str, at: float, *, announce: bool) -> str | None:
    """The webhook's body but for the record itself, which the store puts in."""
    return text(_hook(f"usage-{record}", "usage", at, room, {})) if announce else None


def _hook(id: str, name: str, at: float, room: str, body: Mapping[str, object]) -> object:
    return {**body, "id": id, "event": name, "at": rfc3339(at), "room": room}
