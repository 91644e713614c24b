"""Probes for paths that carry all that is wanted, and are not known to carry more: do they?

Whoever's estimate is hardly above what is wanted, or whose path once seemed full, is sent pictures
packet by packet, near the estimate, until more comes through. More never does where nothing more
is wanted: then probes that came to nothing in a crowd of joiners, or a stall taken for a queue,
would delay pictures for ever. So such a path is asked for far more than is wanted, seldom, and more
seldom each time: what is full for good answers no, or is soon full again.
"""

import math
from typing import Final

import numpy as np

from sfu.bandwidth.columns import Columns
from sfu.bandwidth.probing import Situation
from sfu.bandwidth.rows import Bools, Floats, Ints

ASKED: Final = 2.5
"""Times all that is wanted: a keyframe is several pictures at once."""
PROOF: Final = 2.0
"""Times all that is wanted: a path that carries so much is not full of that."""
LEAST_WANTED: Final = 100_000.0
"""bit/s; what is less is sound, which waits for nothing."""
CALM: Final = 5.0
"""Seconds without overuse and queue, after which a path is asked."""
LATE: Final = 0.2
CALM_LATE: Final = 0.5
"""The same where pictures wait for longer than that: the probe is made of them, not of padding."""
WAIT: Final = 2.0
WAIT_MOST: Final = 300.0
"""Seconds between two probes of a path; they double."""
LASTS: Final = 60.0
"""Seconds for which a path has to be ample for the wait to be short again."""
AT_ONCE: Final = 16
"""Paths that are asked in one tick: a stall of this end would have them all be due together."""

_NONE: Final[Ints] = np.zeros(0, dtype=np.int64)


class AmpleProbing(Columns):
    """Times in seconds."""

    _unfit_at: Floats
    """When overuse or a queue was last seen."""
    _asked_at: Floats
    _wait: Floats
    """Until the next probe."""
    _short_at: Floats
    """When the path was last not ample."""

    def __init__(self, capacity: int) -> None:
        super().__init__(
            capacity,
            {
                "_unfit_at": -math.inf,
                "_asked_at": -math.inf,
                "_wait": WAIT,
                "_short_at": -math.inf,
            },
        )

    def due(self, rows: Ints, now: float, at: Situation, free: Bools) -> Ints:
        """Where in `rows` a path is to be asked now; `free` where no other probe is under way."""
        self._unfit_at[rows[~at.fit]] = now
        if np.count_nonzero(at.ample) == len(rows):
            return _NONE
        doubted = at.fit & ~at.ample & (at.next_step <= at.allocated) & (at.wanted > LEAST_WANTED)
        lasted = now - self._short_at[rows] > LASTS
        self._wait[rows[~at.ample & lasted]] = WAIT
        self._short_at[rows[~at.ample]] = now
        late = at.waited > LATE
        doubted &= free & (now - self._unfit_at[rows] >= np.where(late, CALM_LATE, CALM))
        doubted &= now - self._asked_at[rows] >= self._wait[rows]
        found = np.flatnonzero(doubted)[:AT_ONCE]
        asked = rows[found]
        self._asked_at[asked] = now
        self._wait[asked] = np.minimum(2.0 * self._wait[asked], WAIT_MOST)
        return found
