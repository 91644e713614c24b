"""How good a call is for who receives it: a score for each second, 1 (bad) to 5 (excellent).

The scale is that of listening tests (ITU-T P.800). Of what is above 1, sound
alone is worth a third, and whatever spoils the sound spoils the call:

    score = 1 + 4 · sound · (1 + 2 · picture) / 3

- sound is the rating of the E-model (ITU-T G.107) for Opus over a path with this
  round trip, standing queue and loss, relative to a path without impairments;
- picture is how much of the bit rate that is wanted is given: log2(1 + 15 · share) / 4,
  for each doubling of a rate is seen as about the same gain. Without a picture, 1.

A second in which the receiver does not answer counts as 1.
"""

from typing import Final

import numpy as np

from sfu.bandwidth.columns import Columns
from sfu.bandwidth.rows import Bools, Floats, Ints

WORST: Final = 1.0
BEST: Final = 5.0

_UNIMPAIRED: Final = 93.2
"""R of a path without delay and loss (G.107 §7)."""
_FIXED_DELAY_MS: Final = 60.0
"""Capture, packet and playout buffer at both ends."""
_PATIENCE_MS: Final = 177.3
"""One-way delay beyond which talking gets hard (the usual simplification of G.107 §7.4)."""
_ROBUSTNESS: Final = 25.0
"""Per cent of loss at which half of the sound's rating is gone: Opus with in-band FEC."""
_DOUBLINGS: Final = 4.0


class Quality(Columns):
    """Scores summed up for many receivers, one dense row each; `take` empties a row."""

    total: Floats
    """Sum of scores, each for a second, of so many `seconds`."""
    seconds: Floats
    heard: Bools
    """Who has ever answered: nothing is known of the others."""
    silent: Bools
    """Who should have answered by now and has not."""

    def __init__(self, capacity: int = 64) -> None:
        super().__init__(capacity, {"total": 0.0, "seconds": 0.0, "heard": False, "silent": False})

    def hear(self, answered: Ints, silent: Ints) -> None:
        """These rows have answered, those have not for too long."""
        self.silent[silent] = True
        self.silent[answered] = False
        self.heard[answered] = True

    def advance(
        self,
        elapsed: float,
        active: Bools,
        *,
        round_trip_us: Floats,
        queue_us: Floats,
        loss: Floats,
        share: Floats,
    ) -> None:
        """`elapsed` seconds have passed like this; columns as long as this table.

        loss -- fraction of bytes that do not arrive.
        share -- bit rate that is given, of the one wanted; 1 where nothing is wanted.
        """
        rows = np.flatnonzero(active & self.heard)
        if not len(rows):
            return
        good = sound(round_trip_us[rows], queue_us[rows], loss[rows])
        good *= (1.0 + 2.0 * picture(share[rows])) / 3.0
        self.total[rows] += elapsed * np.where(
            self.silent[rows], WORST, WORST + (BEST - WORST) * good
        )
        self.seconds[rows] += elapsed

    def take(self, row: int) -> tuple[float, float]:
        """(sum of scores, seconds) of a row since the last call."""
        taken = float(self.total[row]), float(self.seconds[row])
        self.total[row] = self.seconds[row] = 0.0
        return taken


def sound(round_trip_us: Floats, queue_us: Floats, loss: Floats) -> Floats:
    """0 to 1: the E-model's rating, relative to the best there is."""
    # The round trip is the least one: what stands in the queue comes on top.
    delay_ms = _FIXED_DELAY_MS + round_trip_us / 2_000 + queue_us / 1_000
    late = 0.024 * delay_ms + 0.11 * np.maximum(0.0, delay_ms - _PATIENCE_MS)
    lossy = 95.0 * 100 * loss / (100 * loss + _ROBUSTNESS)
    rating: Floats = np.clip(1.0 - (late + lossy) / _UNIMPAIRED, 0.0, 1.0)
    return rating


def picture(share: Floats) -> Floats:
    """0 to 1 for the share of the wanted bit rate that is given."""
    gain = 2.0**_DOUBLINGS - 1.0
    rating: Floats = np.log2(1.0 + gain * np.clip(share, 0.0, 1.0)) / _DOUBLINGS
    return rating


def mean(total: float, seconds: float) -> float | None:
    """The score of so many seconds; None of none."""
    return min(BEST, max(WORST, total / seconds)) if seconds > 0 else None
