"""Who waits at a room's door, in the order of their coming."""

from collections.abc import Iterable

from sfu.participant import Participant, Role

WAITS = (Role.ATTENDEE, Role.VIEWER)
"""Presenters never wait."""


class Queue(dict[str, Participant]):
    """By id, first come first. Changed by `put`, `take` and `let_in_all` only, which keep a line
    for each role, and one of those whom the door is open for though it is shut to others: what
    there are places for is found without a look at those who go on waiting."""

    def __init__(self) -> None:
        super().__init__()
        self._number = 0
        self._lines: dict[Role, dict[str, int]] = {role: {} for role in WAITS}
        self._let_in: dict[Role, dict[str, int]] = {role: {} for role in WAITS}

    def put(self, guest: Participant, *, let_in: bool) -> None:
        """Somebody stands at the end; `let_in`: they wait for nothing but a place."""
        self._number += 1
        self[guest.id] = guest
        self._lines[guest.role][guest.id] = self._number
        if let_in:
            self._let_in[guest.role][guest.id] = self._number

    def take(self, id: str) -> Participant:
        """Somebody waits no longer."""
        guest = self.pop(id)
        del self._lines[guest.role][id]
        self._let_in[guest.role].pop(id, None)
        return guest

    def let_in_all(self) -> None:
        """Everybody here waits for nothing but a place."""
        for role, line in self._lines.items():
            self._let_in[role] = dict(line)

    def position(self, id: str) -> int:
        """The place in the queue, from 1; found at once for who has come last."""
        for ahead, each in enumerate(reversed(self)):
            if each == id:
                return len(self) - ahead
        raise KeyError(id)

    def first(self, roles: Iterable[Role], *, let_in: bool) -> Participant | None:
        """Who has waited longest of these roles; with `let_in`, of those let in."""
        lines = self._let_in if let_in else self._lines
        heads = [next(iter(lines[role].items())) for role in roles if lines[role]]
        return self[min(heads, key=lambda head: head[1])[0]] if heads else None
