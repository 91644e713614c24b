"""Queues as they stand, where the trendline only sees them grow.

The least delay of a feedback above the path's base is a queue that every packet met; jitter is
not. So a queue that stands is overuse although its slope is zero, and a slope without a queue is
jitter. A queue that stays when less is sent than arrives is somebody else's, or the base is not
what it was: then slopes have to do.
"""

import math
from typing import Final

import numpy as np

from sfu.bandwidth.columns import Columns
from sfu.bandwidth.rows import Bools, Floats, Ints
from sfu.bandwidth.trendline import NORMAL, OVERUSE

EMPTY_MS: Final = 10.0
"""Below this there is no queue."""
HOLD_MS: Final = 15.0
"""Above this the rate does not grow."""
JITTER: Final = 0.05
"""Smoothing of the least delay's changes from one feedback to the next; all levels are above what
these amount to."""
JITTER_MOST_MS: Final = 15.0
EMPTY_JITTER: Final = 2.0
HOLD_JITTER: Final = 2.5
JUMP_JITTER: Final = 3.0
STANDING_MS: Final = 60.0
STANDING_FOR: Final = 4
"""Feedbacks above STANDING_MS after which that is overuse."""
JUMP_MS: Final = 10.0
JUMPED_MS: Final = 40.0
"""A queue beyond this that grew by JUMP_MS twice in a row is overuse at once."""
JUMP_SLOWER_MS: Final = 20.0
"""One such jump is enough when less comes in at the same time: the link got narrower."""
CROWDED_FOR: Final = 40.0
"""Seconds for which a queue that is not ours is left alone."""
CROWD_GONE: Final = 2.0
"""Seconds without a queue after which nobody else fills it any more."""


class StandingQueue(Columns):
    """Queues in milliseconds above the base."""

    queue: Floats
    jitter: Floats
    jumping: Bools
    """It grew fast, feedback after feedback."""
    crowded_until: Floats
    """Until then queues are taken for somebody else's."""
    _hold: Floats
    """Above this the rate must not grow."""
    _queued_at: Floats
    _jumps: Ints
    _standing: Ints

    def __init__(self, capacity: int) -> None:
        super().__init__(
            capacity,
            {
                "queue": 0.0,
                "jitter": 0.0,
                "jumping": False,
                "crowded_until": -math.inf,
                "_hold": HOLD_MS,
                "_queued_at": -math.inf,
                "_jumps": 0,
                "_standing": 0,
            },
        )
        self._crowded_last = -math.inf
        """Nobody's queue is taken for another's any more from then on."""

    def update(self, rows: Ints, now: float, delay_ms: Floats, slower: Bools) -> None:
        """The least delay above the base of each row's feedback, and whether packets come in much
        slower than before."""
        queue, before = delay_ms, self.queue[rows]
        jitter = self.jitter[rows]
        jumped = queue - before > JUMP_MS + JUMP_JITTER * jitter
        jumps = np.where(jumped, self._jumps[rows] + 1, 0)
        self._jumps[rows] = jumps
        jumping = (jumps >= 2) & (queue > JUMPED_MS + JUMP_JITTER * jitter)
        jumping |= slower & (queue - before > JUMP_SLOWER_MS + JUMP_JITTER * jitter)
        self.jumping[rows] = jumping
        change = np.minimum(np.abs(queue - before), JITTER_MOST_MS)
        calm = queue < JUMPED_MS
        jitter = np.where(calm, jitter + JITTER * (change - jitter), jitter)
        hold = HOLD_MS + HOLD_JITTER * jitter
        self.jitter[rows], self._hold[rows] = jitter, hold
        self._standing[rows] = np.where(queue > STANDING_MS, self._standing[rows] + 1, 0)
        self.queue[rows] = queue
        self._queued_at[rows[queue > hold]] = now

    def begins(self, rows: Ints, delay_ms: Floats) -> Bools:
        """Where that is a queue, and there was none before."""
        hold = self.hold(rows)
        begun: Bools = (delay_ms > hold) & (self.queue[rows] <= hold)
        return begun

    def judge(self, rows: Ints, now: float, state: Ints) -> Ints:
        """The trendline's verdict, corrected."""
        stands = self._standing[rows] > STANDING_FOR
        stands |= self.jumping[rows]
        jitters = (state == OVERUSE) & (self.queue[rows] < self.empty(rows))
        if self.somebody_crowded(now):
            crowded = self.crowded(rows, now)
            gone = crowded & (now - self._queued_at[rows] > CROWD_GONE)
            self.crowded_until[rows[gone]] = -math.inf
            stands &= ~crowded
            jitters &= ~crowded
        state = np.where(jitters, NORMAL, state)
        verdict: Ints = np.where(stands, OVERUSE, state)
        return verdict

    def somebody_crowded(self, now: float) -> bool:
        """Whether there is any row of which `crowded` says so; seldom."""
        return now < self._crowded_last

    def crowded(self, rows: Ints, now: float) -> Bools:
        """Where the queue is somebody else's."""
        if not self.somebody_crowded(now):
            return np.zeros(len(rows), dtype=np.bool_)
        other: Bools = self.crowded_until[rows] > now
        return other

    def empty(self, rows: Ints) -> Floats:
        """Milliseconds below which there is no queue."""
        return EMPTY_MS + EMPTY_JITTER * self.jitter[rows]

    def hold(self, rows: Ints | slice) -> Floats:
        """Milliseconds above which the rate must not grow."""
        return self._hold[rows]

    def holds(self, rows: Ints | slice, now: float) -> Bools:
        """Where the rate must not grow."""
        held: Bools = self.queue[rows] > self._hold[rows]
        if self.somebody_crowded(now):
            held &= self.crowded_until[rows] <= now
        return held

    def give_up(self, rows: Ints, now: float) -> None:
        """These queues did not go away though less was sent: they are somebody else's."""
        self._standing[rows] = 0
        self.crowded_until[rows] = now + CROWDED_FOR
        if len(rows):
            self._crowded_last = now + CROWDED_FOR
