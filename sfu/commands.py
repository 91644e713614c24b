"""What can be asked of a room, whichever door it comes through.

Each is carried out by `Room.apply(command, actor, now)`: it is done as a whole,
or refused and nothing has changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sfu.options import Mode, Options
from sfu.participant import Client, Role, View
from sfu.track import Media, Source


@dataclass(frozen=True, slots=True)
class Join:
    """Enter. `participant` is a fresh id; who has the same identity is replaced."""

    participant: str
    identity: str
    name: str
    role: Role
    can: frozenset[Source] | None = None
    metadata: object = None
    client: Client = field(default_factory=Client)
    jti: str | None = None
    """Of the token they came with."""
    resume: str | None = None
    """What is kept of the token that takes the session up again."""
    seat: int | None = None
    """The seat they had before a restart: theirs again if it is free."""
    returning: bool = False
    """They were inside before a restart: nothing but a ban keeps them out."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Go, of one's own will or because the connection is gone; the room goes on."""

    participant: str
    reason: str = "left"


@dataclass(frozen=True, slots=True)
class Publish:
    """Publish exactly these sources: others of this participant end, the same ones go on."""

    participant: str
    sources: Mapping[Source, Media]


@dataclass(frozen=True, slots=True)
class Unpublish:
    """End a source; one that is not published is ended already."""

    participant: str
    source: Source


@dataclass(frozen=True, slots=True)
class Mute:
    """Mute or unmute a source. Presenters may mute others; nobody unmutes somebody else."""

    participant: str
    source: Source
    muted: bool


@dataclass(frozen=True, slots=True)
class Look:
    """Say what one looks at; merged slot by slot into what was said before."""

    participant: str
    view: View


# Running the event


@dataclass(frozen=True, slots=True)
class Start:
    """Begin: whoever waited for it is let in. A permanent room may begin again."""


@dataclass(frozen=True, slots=True)
class End:
    """Everybody goes; only a permanent room can be started again."""


@dataclass(frozen=True, slots=True)
class Lock:
    """Newcomers wait, or those who wait come in."""

    locked: bool


@dataclass(frozen=True, slots=True)
class SetMode:
    """Who is heard and seen by whom."""

    mode: Mode


@dataclass(frozen=True, slots=True)
class Configure:
    """Change settings; what is None stays."""

    options: Options


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passes: the next of those whose way is free come in."""


# Other people


@dataclass(frozen=True, slots=True)
class Admit:
    """Let somebody in who waits, or everybody with None, whatever they wait for but a place."""

    participant: str | None


@dataclass(frozen=True, slots=True)
class Remove:
    """Disconnect somebody; `ban` keeps their identity out for the event."""

    participant: str
    ban: bool = False
    reason: str = "removed"


@dataclass(frozen=True, slots=True)
class Block:
    """Somebody keeps watching but may not publish, or may again."""

    participant: str
    blocked: bool


@dataclass(frozen=True, slots=True)
class Allow:
    """Publish these sources at most; None for all that role and mode give."""

    participant: str
    sources: frozenset[Source] | None


@dataclass(frozen=True, slots=True)
class GrantSeat:
    """Make somebody a presenter, in place: same connections, nothing is renegotiated."""

    participant: str


@dataclass(frozen=True, slots=True)
class RevokeSeat:
    """Take the seat back: unpublished at once, an attendee from now on."""

    participant: str


@dataclass(frozen=True, slots=True)
class Promote:
    """Make a viewer an attendee, in place."""

    participant: str


# Talking


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Raised hand, applause, away …; None clears it."""

    participant: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Send:
    """An app message to all, presenters, attendees, or one person; who is not there gets none."""

    to: str
    topic: str
    body: object


Command = (
    Join
    | Leave
    | Publish
    | Unpublish
    | Mute
    | Look
    | Start
    | End
    | Lock
    | SetMode
    | Configure
    | Tick
    | Admit
    | Remove
    | Block
    | Allow
    | GrantSeat
    | RevokeSeat
    | Promote
    | SetStatus
    | Send
)
