"""What is done to, and said by, single people."""

import re
from typing import Final

from sfu.errors import Refusal
from sfu.events import Change, MessageSent, ViewChanged
from sfu.participant import Participant, Role, View
from sfu.room import publishing, seats
from sfu.room.state import RoomState
from sfu.track import Source

STATUS: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")
GROUPS: Final = ("all", "presenters", "attendees")
"""Whom an app message may be for, besides single people."""


def look(room: RoomState, viewer: Participant, view: View) -> list[Change]:
    """What somebody looks at, slot by slot."""
    for slot in view.slots:
        if slot not in room.slots:
            raise Refusal("bad_request", "there is no such slot", path=f"slots.{slot}")
    viewer.view = viewer.view.merged(view)
    return [ViewChanged(viewer)]


def block(room: RoomState, target: Participant, blocked: bool) -> list[Change]:
    """Keeps somebody from publishing, or does so no longer."""
    if target.blocked == blocked:
        return []
    target.blocked = blocked
    room.record(target).blocked = blocked
    changes = publishing.end(room, target, list(target.tracks)) if blocked else []
    return [*changes, room.updated(target)]


def allow(room: RoomState, target: Participant, sources: frozenset[Source] | None) -> list[Change]:
    """Narrows what somebody may publish; what is not allowed any longer ends."""
    target.allowed = sources
    room.record(target).allowed = sources
    return publishing.end_forbidden(room, target) or [room.updated(target)]


def promote(room: RoomState, target: Participant) -> list[Change]:
    """Makes a viewer an attendee."""
    if target.role is not Role.VIEWER:
        raise Refusal("not_allowed", f"{target.name} is no viewer")
    seats.set_role(room, target, Role.ATTENDEE)
    return [room.updated(target)]


def set_status(room: RoomState, target: Participant, value: str | None) -> list[Change]:
    """Sets or clears somebody's sign."""
    value = value or None
    if value is not None and not STATUS.fullmatch(value):
        raise Refusal("bad_request", "a status is a short word of small letters", path="value")
    if target.status == value:
        return []
    target.status = value
    return [room.updated(target)]


def send(room: RoomState, sender: str | None, to: str, topic: str, body: object) -> list[Change]:
    """An app message, as the room's `messages` allows; the backend may always send."""
    if to not in GROUPS:
        room.participant(to)
    if sender is not None:
        _check_may_send(room, room.participant(sender), to)
    return [MessageSent(sender, to, topic, body)]


def _check_may_send(room: RoomState, sender: Participant, to: str) -> None:
    policy = room.options.messages
    if policy == "off":
        raise Refusal("not_allowed", "app messages are switched off")
    if sender.role.presents or policy == "everybody":
        return
    if policy == "presenters":
        raise Refusal("not_allowed", "only presenters send app messages")
    if to != "presenters" and not (to in room.participants and room.participants[to].role.presents):
        raise Refusal("not_allowed", "app messages go to presenters only")
