"""What the media of each stay has come to, over all its connections.

A connection's bytes are counted by the packet plane: reported now and then
while it lives, and for the last time when it has been closed there. Until
that last word an account is not settled, so that a usage record can wait for
it without anybody else waiting.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sfu.bandwidth.quality import WORST, mean
from sfu.bandwidth.stills import Freezes
from sfu.store.records import Totals

if TYPE_CHECKING:
    from sfu.transport import Transport


class Account:
    """The media bytes of one stay, and the scores of what was received."""

    __slots__ = (
        "_asked", "_freezes", "_open", "_received", "_score", "_scored", "_sent", "_spoilt",
        "_when_settled",
    )  # fmt: skip

    def __init__(self) -> None:
        self._received = 0
        self._sent = 0
        self._score = 0.0
        """Sum over seconds, of `_scored` seconds."""
        self._scored = 0.0
        self._spoilt = 0.0
        self._freezes = Freezes()
        """Of the connections that are closed."""
        self._asked = 0
        self._open: list[Transport] = []
        self._when_settled: Callable[[], None] | None = None

    def open(self, transport: "Transport") -> None:
        """What goes over this transport counts for the stay."""
        transport.account = self
        self._open.append(transport)

    def settle(self, transport: "Transport") -> None:
        """The last word on a transport has come."""
        self._open.remove(transport)
        received, sent = transport.traffic
        self._received += received
        self._sent += sent
        if not self._open and (then := self._when_settled) is not None:
            self._when_settled = None
            then()

    @property
    def settled(self) -> bool:
        """Whether all is known that was ever counted."""
        return not self._open

    def refresh(self) -> None:
        """Takes the scores that have come since."""
        for transport in self._open:
            self.score(*transport.take_score())

    def score(self, total: float, seconds: float) -> None:
        """Further seconds of what is received, and the sum of their scores."""
        self._score += total
        self._scored += seconds

    def freeze(self, freezes: Freezes) -> None:
        """What a connection has come to that is closed now."""
        self._freezes = self._freezes.plus(freezes)

    def spoil(self, seconds: float) -> None:
        """So many seconds were no good whatever the scores say."""
        self._spoilt += seconds

    @property
    def quality(self) -> float | None:
        """The mean score so far; None before there is one."""
        self.refresh()
        found = mean(self._score, self._scored)
        if found is None:
            return None
        spoilt = min(1.0, self._spoilt / self._scored)
        return found - (found - WORST) * spoilt

    @property
    def totals(self) -> Totals:
        """As far as known."""
        received, sent = self._bytes()
        freezes = self._freezes
        for transport in self._open:
            freezes = freezes.plus(transport.freezes)
        return Totals(
            bytes_received=received,
            bytes_sent=sent,
            quality=self.quality,
            scored=self._scored,
            freezes=freezes,
        )

    def has_news(self) -> bool:
        """Whether there have been bytes since the last call."""
        before, self._asked = self._asked, sum(self._bytes())
        return self._asked != before

    def _bytes(self) -> tuple[int, int]:
        received, sent = self._received, self._sent
        for transport in self._open:
            received += transport.traffic[0]
            sent += transport.traffic[1]
        return received, sent

    def when_settled(self, then: Callable[[], None]) -> None:
        """Calls `then` once, when the last word on the last transport comes. For a stay that is
        over, and not settled yet."""
        self._when_settled = then
