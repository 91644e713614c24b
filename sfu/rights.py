"""Who may ask what of a room, and when: one table, for every door and for the docs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sfu import commands
from sfu.errors import Refusal
from sfu.options import State
from sfu.participant import Participant, Role

PRESENTERS: Final = frozenset({Role.ORGANIZER, Role.PRESENTER})
INTERACTIVE: Final = PRESENTERS | {Role.ATTENDEE}
EVERYBODY: Final = frozenset(Role)
ANYTIME: Final = frozenset(State)
OPEN: Final = frozenset({State.PREPARING, State.LIVE})
LIVE: Final = frozenset({State.LIVE})


@dataclass(frozen=True, slots=True)
class Right:
    """One row. `own` names roles that may ask it for themselves; the backend may ask everything."""

    others: frozenset[Role]
    own: frozenset[Role]
    states: frozenset[State]
    note: str


NOBODY: Final[frozenset[Role]] = frozenset()

RIGHTS: Final[dict[type[commands.Command], Right]] = {
    commands.Join: Right(NOBODY, EVERYBODY, ANYTIME, "who is no presenter may have to wait"),
    commands.Leave: Right(NOBODY, EVERYBODY, ANYTIME, ""),
    commands.Publish: Right(NOBODY, INTERACTIVE, OPEN, "attendees in a meeting only"),
    commands.Unpublish: Right(NOBODY, EVERYBODY, ANYTIME, ""),
    commands.Mute: Right(PRESENTERS, EVERYBODY, ANYTIME, "nobody unmutes somebody else"),
    commands.Look: Right(NOBODY, EVERYBODY, ANYTIME, ""),
    commands.Start: Right(
        PRESENTERS, NOBODY, frozenset({State.PREPARING, State.ENDED}), "again if permanent"
    ),
    commands.End: Right(PRESENTERS, NOBODY, OPEN, ""),
    commands.Lock: Right(PRESENTERS, NOBODY, OPEN, ""),
    commands.SetMode: Right(PRESENTERS, NOBODY, OPEN, "a meeting has its cap"),
    commands.Configure: Right(NOBODY, NOBODY, ANYTIME, "the backend only"),
    commands.Tick: Right(NOBODY, NOBODY, ANYTIME, "time only"),
    commands.Admit: Right(PRESENTERS, NOBODY, OPEN, ""),
    commands.Remove: Right(PRESENTERS, NOBODY, ANYTIME, "never the organizer"),
    commands.Block: Right(PRESENTERS, NOBODY, ANYTIME, "never the organizer"),
    commands.Allow: Right(PRESENTERS, NOBODY, ANYTIME, ""),
    commands.GrantSeat: Right(PRESENTERS, NOBODY, OPEN, ""),
    commands.RevokeSeat: Right(PRESENTERS, NOBODY, OPEN, "never the organizer's"),
    commands.Promote: Right(PRESENTERS, NOBODY, OPEN, ""),
    commands.SetStatus: Right(NOBODY, INTERACTIVE, ANYTIME, ""),
    commands.Send: Right(INTERACTIVE, NOBODY, ANYTIME, "as the room's `messages` says"),
}
"""Every command has a row."""

PROTECTED: Final = (commands.Remove, commands.Block, commands.Allow)
"""What nobody but the backend does to an organizer."""


NOT_ONESELF: Final = (commands.Block, commands.Allow, commands.Promote)
"""What nobody undoes, or does, for themselves."""


def check(
    command: commands.Command,
    actor: Participant | None,
    state: State,
    role_of: Callable[[str], Role | None],
) -> None:
    """Raises Refusal unless `actor` (None for the backend) may ask this now."""
    right = RIGHTS[type(command)]
    if state not in right.states:
        code = "room_ended" if state is State.ENDED else "wrong_state"
        raise Refusal(code, f"not possible while the room is {state}")
    if actor is None:
        return
    target = getattr(command, "participant", None)
    own = target == actor.id
    if actor.role not in (right.own | right.others if own else right.others):
        raise Refusal("not_allowed", f"the role {actor.role} does not give this right")
    if own and isinstance(command, NOT_ONESELF):
        raise Refusal("not_allowed", "only others do this")
    if isinstance(command, PROTECTED) and role_of(command.participant) is Role.ORGANIZER:
        raise Refusal("not_allowed", "nobody does this to the organizer")


def table() -> str:
    """The table in Markdown, for the docs."""
    rows = [
        "| command | for oneself | for others, or the room | while | note |",
        "| --- | --- | --- | --- | --- |",
    ]
    for command, right in RIGHTS.items():
        states = "always" if right.states == ANYTIME else ", ".join(sorted(right.states))
        cells = (command.__name__, _roles(right.own), _roles(right.others), states, right.note)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _roles(roles: frozenset[Role]) -> str:
    names = {
        NOBODY: "nobody",
        PRESENTERS: "presenters",
        INTERACTIVE: "all but viewers",
        EVERYBODY: "everybody",
    }
    return names[roles]
