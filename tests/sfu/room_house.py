"""A room and people for the tests of its rules."""

from typing import Any, TypeVar

from sfu.commands import Command, Join, Publish, Start
from sfu.errors import Refusal
from sfu.events import Change
from sfu.options import Options, State
from sfu.participant import Role
from sfu.room import Room
from sfu.track import Media, Source, Stream

Kind = TypeVar("Kind")
OPUS = Media("0", "opus", (Stream("", 1, 0),))
VP8 = Media("1", "vp8", (Stream("q", 0, 0), Stream("f", 0, 0)))
BOTH = {Source.MICROPHONE: OPUS, Source.CAMERA: VP8}
SCREEN_SHARE = {Source.SCREEN: VP8}


class House:
    """A room whose clock goes on by a second with each command."""

    def __init__(self, state: State = State.LIVE, **options: Any) -> None:
        defaults = {"presenters": 2, "attendees": 5, "meeting": 6, "cameras": 2}
        self.room = Room("acme", "hall", Options(**{**defaults, **options}), State.PREPARING)
        self.now = 1000.0
        if state is State.LIVE:
            self.do(Start())

    def do(self, command: Command, actor: str | None = None) -> list[Change]:
        self.now += 1.0
        return self.room.apply(command, actor, self.now)

    def join(self, id: str, role: Role = Role.ATTENDEE, **fields: Any) -> list[Change]:
        identity = fields.pop("identity", id)
        return self.do(Join(id, identity, id.title(), role, **fields), id)

    def publish(self, id: str, *sources: Source) -> list[Change]:
        media = {source: VP8 if source.is_video else OPUS for source in sources}
        return self.do(Publish(id, media), id)

    def refusal(self, command: Command, actor: str | None = None) -> str:
        """The code that a command is refused with; "" when it is done."""
        try:
            self.do(command, actor)
        except Refusal as refusal:
            return refusal.code
        return ""

    def refusal_of_publishing(self, id: str, *sources: Source) -> str:
        """The code that publishing these is refused with."""
        media = {source: VP8 if source.is_video else OPUS for source in sources}
        return self.refusal(Publish(id, media), id)


def of(changes: list[Change], kind: type[Kind]) -> list[Kind]:
    return [change for change in changes if isinstance(change, kind)]
