"""Signaling sockets that have not joined yet; time is an argument (seconds, monotonic).

Whoever means to join does so at once. When there are too many, those who only hold a place are
closed for those who come; in a storm of joins, where nobody has waited long, nobody new is let in
for a moment: what has been opened has cost its work already.
"""

from typing import Final

from sfu.signaling.limits import Refused
from sfu.signaling.outbox import Close, Outbox

PATIENCE: Final = 2.0
"""Seconds within which nobody is closed for another one."""
NO_JOIN: Final = Close(4408, "no join in time")


class Newcomers:
    """Who has waited longest comes first."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._since: dict[Outbox, float] = {}

    def __len__(self) -> int:
        return len(self._since)

    def refusal(self, now: float) -> Refused | None:
        """Why nobody new may come now; None if somebody may, or if another one can give way."""
        if len(self._since) < self.limit:
            return None
        wait = next(iter(self._since.values())) + PATIENCE - now
        return Refused("unjoined_sockets", 503, wait) if wait > 0 else None

    def come(self, outbox: Outbox, now: float) -> None:
        """A socket is open, which `refusal` had nothing against."""
        if len(self._since) >= self.limit:
            oldest = next(iter(self._since))
            self.leave(oldest)
            oldest.close(NO_JOIN)
        self._since[outbox] = now

    def again(self, outbox: Outbox, now: float) -> None:
        """Somebody has left to join and is not in. There may be many, whom nobody else makes room
        for: one for whom there is none is closed."""
        if outbox in self._since:
            return
        if self.refusal(now) is None:
            self.come(outbox, now)
        else:
            outbox.close(NO_JOIN)

    def leave(self, outbox: Outbox) -> None:
        """Somebody joins by it, or it is gone; nothing if both."""
        self._since.pop(outbox, None)
