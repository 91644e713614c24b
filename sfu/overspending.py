"""Publishers who send more than they may: told at first, then cut down to what fits.

The packet plane says so each time that what is forwarded of a publisher has come to another
second's worth of its ceiling beyond it: after a second of twice as much, at once of far more.

            exceeded         exceeded CUT_AT times within FORGET s, and measured
    FITS -------------> TOLD ----------------------------------------------------> CUT
      ^                  |  ^                                                       |
      +-- FORGET s ------+  +--------------- all layers are back -------------------+

What is cut is the highest layer of the picture that is furthest beyond its own budget; and the next
one, until what is left fits. The lowest goes only where a picture is too much all by itself. Sound
is never cut: what is more than any sound needs is dropped packet by packet (`Worker.set_upload`).
A layer comes back when it would have fitted for a while, the longer the more often it had to go.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sfu.events import Notice, UploadExceeded
from sfu.sent import Sent
from sfu.track import Source

TOLERATED: Final = 1.05
"""Times the ceiling that fit: headers are not in what a client is told, and the plane leaves off as
much."""
CUT_AT: Final = 3
"""Second's worths beyond the ceiling after which a publisher is cut, ..."""
FORGET: Final = 60.0
"""... within so many seconds."""
MEASURED: Final = 2.0
"""Seconds after which what is measured is of the same time as what was said to be too much."""
PATIENCE: Final = 5.0
"""Seconds for which a layer must have fitted to come back; twice as many each time, ..."""
MOST_PATIENCE: Final = 80.0
"""... up to these."""
LOOK_EVERY: Final = 1.0
"""Seconds: so often rates are measured."""


@dataclass(slots=True)
class _State:
    budgets: Mapping[Source, int] = field(default_factory=dict)
    strikes: deque[float] = field(default_factory=lambda: deque(maxlen=CUT_AT))
    """When second's worths came, the last ones."""
    cuts: int = 0
    """Times that there was nothing cut, and then something."""
    fits_since: float | None = None
    """Since when one layer more would fit, or all that is sent where none is cut."""
    patience: float = PATIENCE
    held: dict[Source, int] = field(default_factory=dict)
    """Layers that are forwarded, of the sources that are cut, ..."""
    over: bool = False
    """... and whether it is too much: what the publisher was told last."""

    def is_due(self, now: float) -> bool:
        """Whether something is to be cut, as soon as it is measured what."""
        return (
            len(self.strikes) == CUT_AT
            and now - self.strikes[0] < FORGET
            and now - self.strikes[-1] <= MEASURED
        )


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
        state = self._states.setdefault(participant, _State())
        state.budgets = budgets
        state.strikes.append(now)
        state.fits_since = None
        self._cut(participant, state, ceiling, now)
        self._tell(participant, state, ceiling, over=True, exceeded=True)

    def tick(self, ceiling: Callable[[str], int], now: float) -> None:
        """What is due by time alone."""
        if not self._states or now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY
        for participant, state in list(self._states.items()):
            self._look(participant, state, ceiling(participant), now)

    def _look(self, participant: str, state: _State, ceiling: int, now: float) -> None:
        self._cut(participant, state, ceiling, now)
        over, published = state.over, self._published(participant)
        cut = [each for each in published if each.forwarded < len(each.bps)]
        left = TOLERATED * ceiling - _forwarded(published)
        back = [each for each in cut if each.bps[each.forwarded] <= left]
        if left < 0 or (cut and not back):
            state.fits_since = None
        elif state.fits_since is None:
            state.fits_since = now
        elif now - state.fits_since >= (state.patience if cut else PATIENCE):
            over = False
            if back:
                state.fits_since = now
                lowest = min(back, key=lambda each: each.forwarded)
                self._forward(lowest, lowest.forwarded + 1)
        self._tell(participant, state, ceiling, over=over)
        if not state.over and now - state.strikes[-1] >= FORGET:
            del self._states[participant]

    def _cut(self, participant: str, state: _State, ceiling: int, now: float) -> None:
        published, limit = self._published(participant), TOLERATED * ceiling
        # Where it does not show yet in what is measured, the next rates will tell what it is.
        if not state.is_due(now) or _forwarded(published) <= limit:
            return
        if not state.held:
            state.patience = min(PATIENCE * 2**state.cuts, MOST_PATIENCE)
            state.cuts += 1
        while _forwarded(published) > limit and (pictures := _pictures(published)):
            # It is beyond its budget: within them, all together would fit.
            worst = max(
                pictures, key=lambda each: each.forwarded_bps - state.budgets[each.track.source]
            )
            sent = [layer for layer in range(worst.forwarded) if worst.bps[layer]]
            self._forward(worst, sent[-1])

    def _forward(self, sent: Sent, layers: int) -> None:
        sent.forwarded = layers
        self._cap(sent, layers)

    def _tell(
        self, participant: str, state: _State, ceiling: int, *, over: bool, exceeded: bool = False
    ) -> None:
        published = self._published(participant)
        held = {
            each.track.source: each.forwarded
            for each in published
            if each.forwarded < len(each.bps)
        }
        over = over or bool(held)
        news = (held, over) != (state.held, state.over)
        state.held, state.over = held, over
        if news:
            bps = sum(sum(each.bps) for each in published if not each.track.muted)
            # What is far too much is told before it is measured for the first time.
            bps = max(bps, ceiling) if exceeded else bps
            self._notify(participant, UploadExceeded(ceiling, bps, over, held))


def _forwarded(published: Sequence[Sent]) -> int:
    return sum(each.forwarded_bps for each in published if not each.track.muted)


def _pictures(published: Sequence[Sent]) -> list[Sent]:
    """Of which something is forwarded."""
    return [
        each
        for each in published
        if each.track.source.is_video and not each.track.muted and each.forwarded_bps
    ]
