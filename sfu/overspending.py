"""Publishers who send more than they may: told at first, then cut down to what fits.

The packet plane says so each time that what is forwarded of a publisher has come to another
second's worth of its ceiling beyond it: after a second of twice as much, at once of far more.

            exceeded              exceeded for the CUT_AT-th time, or again
    FITS -------------> TOLD ------------------------------------------------> CUT
      ^                  |  ^                                                   |
      +-- FORGET s ------+  +------------- all layers are back -----------------+

What is cut is the highest layer of the picture that is furthest beyond its own budget; and the next
one, until what is left fits. The lowest goes only where a picture is too much all by itself. Sound
is never cut: what is more than any sound needs is dropped packet by packet (`Worker.set_upload`).
A layer comes back when it would have fitted for a while, the longer the more often it had to go.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sfu.events import Notice, UploadExceeded
from sfu.sent import Sent
from sfu.track import Source

CUT_AT: Final = 3
"""Second's worths beyond the ceiling after which a publisher is cut."""
FORGET: Final = 60.0
"""Seconds without another after which those before do not count."""
PATIENCE: Final = 5.0
"""Seconds for which a layer must have fitted to come back; twice as many each time, ..."""
MOST_PATIENCE: Final = 80.0
"""... up to these."""
LOOK_EVERY: Final = 1.0
"""Seconds: so often rates are measured."""


@dataclass(slots=True)
class _State:
    at: float
    """When the last second's worth came."""
    strikes: int = 0
    fits_since: float | None = None
    """Since when one layer more would fit, or all that is sent where none is cut."""
    patience: float = PATIENCE
    held: dict[Source, int] = field(default_factory=dict)
    """Layers that are forwarded, of the sources that are cut."""
    over: bool = True
    """What the publisher was told last."""


class Overspending:
    """Of one room's publishers.

    published -- what is forwarded of somebody.
    cap -- has no more than so many layers of a source forwarded.
    """

    def __init__(
        self,
        published: Callable[[str], Sequence[Sent]],
        cap: Callable[[Sent, int], None],
        notify: Callable[[str, Notice], None],
    ) -> None:
        self._published, self._cap, self._notify = published, cap, notify
        self._states: dict[str, _State] = {}
        self._look_at = 0.0

    @property
    def held(self) -> int:
        """Publishers who are cut."""
        return sum(bool(state.held) for state in self._states.values())

    def forget(self, participant: str) -> None:
        """They publish nothing any more."""
        self._states.pop(participant, None)

    def exceeded(
        self, participant: str, ceiling: int, budgets: Mapping[Source, int], now: float
    ) -> None:
        """Another second's worth beyond the ceiling has been forwarded of somebody."""
        state = self._states.setdefault(participant, _State(now))
        state.at, state.fits_since = now, None
        state.strikes += 1
        if state.strikes >= CUT_AT:
            if not state.held and state.strikes > CUT_AT:
                state.patience = min(2 * state.patience, MOST_PATIENCE)
            self._cut(self._published(participant), ceiling, budgets)
        self._tell(participant, state, ceiling, exceeded=True)

    def tick(self, ceiling: Callable[[str], int], now: float) -> None:
        """What is due by time alone."""
        if not self._states or now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY
        for participant, state in list(self._states.items()):
            self._look(participant, state, ceiling(participant), now)

    def _look(self, participant: str, state: _State, ceiling: int, now: float) -> None:
        published = self._published(participant)
        cut = [each for each in published if each.forwarded < len(each.bps)]
        lowest = min(cut, key=lambda each: each.forwarded, default=None)
        more = 0 if lowest is None else lowest.bps[lowest.forwarded]
        if _forwarded(published) + more > ceiling:
            state.fits_since = None
            return
        if state.fits_since is None:
            state.fits_since = now
        if now - state.fits_since < (PATIENCE if lowest is None else state.patience):
            return
        if lowest is not None:
            state.fits_since = now
            self._forward(lowest, lowest.forwarded + 1)
        self._tell(participant, state, ceiling, exceeded=False)
        if lowest is None and now - state.at >= FORGET:
            del self._states[participant]

    def _cut(self, published: Sequence[Sent], ceiling: int, budgets: Mapping[Source, int]) -> None:
        """One layer in any case: what was measured may be of before."""
        while pictures := [
            each
            for each in published
            if each.track.source.is_video and each.forwarded and not each.track.muted
        ]:
            worst = max(pictures, key=lambda each: each.forwarded_bps - budgets[each.track.source])
            sent = [layer for layer in range(worst.forwarded) if worst.bps[layer]]
            self._forward(worst, max(sent, default=worst.forwarded - 1))
            if _forwarded(published) <= ceiling:
                return

    def _forward(self, sent: Sent, layers: int) -> None:
        sent.forwarded = layers
        self._cap(sent, layers)

    def _tell(self, participant: str, state: _State, ceiling: int, *, exceeded: bool) -> None:
        published = self._published(participant)
        held = {
            each.track.source: each.forwarded
            for each in published
            if each.forwarded < len(each.bps)
        }
        over = exceeded or bool(held)
        news = (held, over) != (state.held, state.over) or state.strikes == 1
        state.held, state.over = held, over
        if news:
            bps = sum(sum(each.bps) for each in published if not each.track.muted)
            # Far too much is cut before it is measured for the first time.
            bps = max(bps, ceiling) if exceeded else bps
            self._notify(participant, UploadExceeded(ceiling, bps, over, held))


def _forwarded(published: Sequence[Sent]) -> int:
    return sum(each.forwarded_bps for each in published if not each.track.muted)
