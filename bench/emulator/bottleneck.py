"""One direction of a link: bottleneck with a byte-bounded queue, then delay, jitter and loss.

Nothing is held here: the bottleneck is first in, first out and its capacity known beforehand, so
a packet's fate is known when it comes. Time is an argument, in seconds.
"""

import math
import random
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from sfu.bench.emulator.capacity import Capacity, Course
from sfu.bench.trace import Direction

BIN: Final = 0.1
"""Seconds of one line of the log."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A packet that gets through."""

    at: float
    """When it comes out at the other end."""
    congested: bool
    """Waited longer than ECN-capable packets may without a mark."""


@dataclass(slots=True)
class Bin:
    """What happened within `BIN` seconds: bytes and waits by when they left the bottleneck."""

    bytes: int = 0
    packets: int = 0
    dropped: int = 0
    lost: int = 0
    marked: int = 0
    waits: list[float] = field(default_factory=list)


class Bottleneck:
    """The state of one direction. Before `start` the first step of everything holds."""

    def __init__(self, direction: Direction, seed: int) -> None:
        self._direction = direction
        self._random = random.Random(seed)
        self._free_at = 0.0
        self._last_out = 0.0
        self._queue: deque[tuple[float, int]] = deque()
        self._queued = 0
        self._losing = False
        self._bins: dict[int, Bin] = {}
        self.start(math.inf)

    def start(self, now: float) -> None:
        """Second 0 of the steps is now."""
        direction, first = self._direction, now == math.inf
        capacity = direction.capacity[:1] if first else direction.capacity
        begin = 0.0 if first else now
        self.capacity = Capacity(capacity, begin)
        self._room, self._delay, self._jitter, self._loss, self._burst, self._mark = (
            Course(steps[:1] if first else steps, begin)
            for steps in (
                direction.queue,
                direction.delay,
                direction.jitter,
                direction.loss,
                direction.burst,
                direction.mark,
            )
        )

    def offer(self, now: float, size: int) -> Passage | None:
        """What becomes of a packet of `size` bytes that comes now; None if it is lost."""
        self._forget(now)
        begin = max(now, self._free_at)
        end = self.capacity.finish(begin, 8 * size)
        if self._queued + size > self._room.at(now) or end == math.inf:
            self._bin(now).dropped += 1
            return None
        self._free_at = end
        self._queue.append((end, size))
        self._queued += size
        gone = self._bin(end)
        gone.bytes += size
        gone.packets += 1
        gone.waits.append(begin - now)
        if self._loses(now):
            gone.lost += 1
            return None
        congested = begin - now > self._mark.at(now)
        gone.marked += congested
        jitter = self._jitter.at(now) * self._random.random()
        self._last_out = max(self._last_out, end + self._delay.at(now) + jitter)
        return Passage(self._last_out, congested)

    def take(self, number: int) -> Bin:
        """What happened in the bin from `number` · BIN on, once; it must be over."""
        return self._bins.pop(number, Bin())

    def _forget(self, now: float) -> None:
        while self._queue and self._queue[0][0] <= now:
            self._queued -= self._queue.popleft()[1]

    def _loses(self, now: float) -> bool:
        loss, burst = self._loss.at(now), self._burst.at(now)
        if burst <= 1 or loss in (0, 1):
            return self._random.random() < loss
        # Two states, none and all lost; their mean stays make the share (Gilbert 1960).
        leave = 1 / burst if self._losing else loss / (burst * (1 - loss))
        if self._random.random() < leave:
            self._losing = not self._losing
        return self._losing

    def _bin(self, at: float) -> Bin:
        return self._bins.setdefault(int(at / BIN), Bin())
