"""A room: who is in it, who sits where, who may send, who sees what.

The only place that decides. No I/O and no clock in here: a command and the time
go in, what changed comes out, and a `Refusal` means that nothing has changed.

    room.apply(command, actor, now) -> [Change, ...]

`actor` is the id of the participant who asks, or None for the backend. `now`
is in seconds since the epoch. Rights stand in `sfu.rights`; the rules in
`doors` (coming and going), `seats`, `publishing`, and `event` (start, end,
lock, mode).

A seat is a slot: whoever sits in seat i is shown on slot "seat-i". Seat 0 is
kept for the organizer; the screen has a slot of its own. In a meeting, who
publishes without a seat gets a place of the gallery, a slot behind the seats.
"""

from collections.abc import Iterable
from typing import Final

from sfu import rights
from sfu.commands import (
    Admit,
    Allow,
    Block,
    Command,
    Configure,
    End,
    GrantSeat,
    Join,
    Leave,
    Lock,
    Look,
    Mute,
    Promote,
    Publish,
    Remove,
    RevokeSeat,
    Send,
    SetMode,
    SetStatus,
    Start,
    Tick,
    Unpublish,
)
from sfu.errors import Refusal
from sfu.events import Change
from sfu.options import Mode, Options, State
from sfu.room import doors, event, people, publishing, seats
from sfu.room.state import SCREEN, RoomState, slot_of
from sfu.track import Source

__all__ = ["SCREEN", "Mode", "Options", "Room", "State", "slot_of"]


OPENS_NO_DOOR: Final = (Publish, Unpublish, Mute, Look, SetStatus, Send)
"""After these nobody's way is free that was not free before."""


class Room(RoomState):
    """The state of one room; read freely, change by `apply` only."""

    def apply(self, command: Command, actor: str | None, now: float) -> list[Change]:
        """Carries a command out, whole or not at all; gives what changed, in order."""
        if isinstance(command, Join):
            return doors.join(self, command, now)
        if actor in self.waiting and not isinstance(command, Leave):
            raise Refusal("waiting", "the room has not let you in yet")
        asking = None if actor is None or actor in self.waiting else self.participant(actor)
        rights.check(command, asking, self.state, self.role_of)
        changes = self._carry_out(command, actor, now)
        if isinstance(command, OPENS_NO_DOOR):
            return changes
        return changes + doors.follow_up(self, changes, now)

    def check_publish(self, id: str, sources: Iterable[Source]) -> None:
        """Raises Refusal if somebody may not publish these now: before anything is read of how."""
        publisher = self.participant(id)
        rights.check(Publish(id, {}), publisher, self.state, self.role_of)
        for source in sources:
            publishing.check(self, publisher, source)

    def _carry_out(self, command: Command, actor: str | None, now: float) -> list[Change]:
        match command:
            case Leave(id, reason):
                return doors.leave(self, id, reason)
            case Publish(id, sources):
                return publishing.publish(self, self.participant(id), dict(sources))
            case Unpublish(id, source):
                return publishing.unpublish(self, self.participant(id), source)
            case Mute(id, source, muted):
                return publishing.mute(self, self.participant(id), source, muted, actor)
            case Look(id, view):
                return people.look(self, self.participant(id), view)
            case Start():
                return event.start(self, now)
            case End():
                return event.end(self)
            case Lock(locked):
                return event.lock(self, locked, actor)
            case SetMode(mode):
                return event.set_mode(self, mode, actor)
            case Configure(options):
                return event.configure(self, options)
            case Admit(id):
                return doors.admit(self, id, now)
            case Remove(id, ban, reason):
                return doors.remove(self, id, ban, reason)
            case Block(id, blocked):
                return people.block(self, self.participant(id), blocked)
            case Allow(id, sources):
                return people.allow(self, self.participant(id), sources)
            case GrantSeat(id):
                return seats.grant(self, self.participant(id), actor)
            case RevokeSeat(id):
                return seats.revoke(self, self.participant(id), actor)
            case Promote(id):
                return people.promote(self, self.participant(id))
            case SetStatus(id, value):
                return people.set_status(self, self.participant(id), value)
            case Send(to, topic, body):
                return people.send(self, actor, to, topic, body)
            case Tick() | Join():
                return []
