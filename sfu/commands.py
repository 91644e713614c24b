"""What can be asked of a room, whichever door it comes through.

Each is carried out by `Room.apply(command, actor, now)`: it is done as a whole,
or refused and nothing has changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sfu.participant import Role, View
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
    client: object = None


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


Command = Join | Leave | Publish | Unpublish | Mute | Look
