"""Pictures that wait to be sent: a queue per stream, and whose turn it is."""

import math
from typing import Final

import numpy as np

from sfu.bench.simulator.packets import Bools, Floats, Ints
from sfu.bench.simulator.queue import Queue

Popped = tuple[Ints, Ints, Ints, Ints]
"""Row, size, slot and frame of packets."""

PATIENCE: Final = 0.14
"""Seconds that pictures wait for an earlier one, which may be a keyframe: a viewer does not see it
as a freeze before a picture is 150 ms late."""


class Pictures:
    """Streams that wait for each other go in the order in which they came as long as nothing has
    waited long; then they share their row's pace by weight (start-time fair queueing, as the
    plane's): each one's turn is as late as what it was sent in this wait costs, divided by its
    weight."""

    def __init__(self, weights: Ints) -> None:
        """`weights` of each row's slots, (rows, slots)."""
        rows, self._slots = weights.shape
        self._shape = weights.shape
        self._weight = weights.reshape(-1).astype(np.float64)
        self._queue = Queue(weights.size, _CAPACITY)
        self._turn = np.zeros(weights.size)
        self._last_turn = np.zeros(rows)
        self._first = np.full(weights.size, _NEVER)
        """Frame with which the next layer begins."""
        self.started: list[tuple[int, int, int]] = []
        """Row, slot and first frame of layers that were begun by what `take` gave last."""
        self._begun = np.full(weights.size, -1)
        """The frame that a stream was sent a packet of last."""

    @property
    def bytes(self) -> Ints:
        """That wait, by row."""
        total: Ints = self._queue.bytes.reshape(self._shape).sum(axis=1)
        return total

    def oldest(self, time: float) -> Floats:
        """Seconds that the oldest packet of each row has waited, 0 without one."""
        age: Floats = self._queue.oldest(time).reshape(self._shape).max(axis=1)
        return age

    def push(self, row: Ints, size: Ints, slot: Ints, frame: Ints, time: float) -> None:
        """Packets in order of row and slot."""
        self._queue.push(row * self._slots + slot, size, slot, frame, time)

    def take(
        self, room: Floats, overshoot: Bools, shared: Bools, time: float = math.inf
    ) -> tuple[Popped, Floats]:
        """What leaves of each row within so many bytes, in order of sending, and what it comes
        to; `shared` where something was held back before. See `Queue.fitting`."""
        patient = self.oldest(time) < PATIENCE
        self.started.clear()
        waits = self._queue.bytes.reshape(self._shape) > 0
        taken = np.zeros(len(room))
        parts: list[Popped] = []
        rows = np.flatnonzero(waits.any(axis=1))
        while len(rows):
            stream, turn, least = self._next(rows, waits[rows], patient[rows])
            count, size = self._queue.fitting(stream, room[rows] - taken[rows], overshoot[rows])
            parts.append(self._pop(stream, count))
            taken[rows] += size
            waits[rows, stream % self._slots] = False
            took = shared[rows]
            late = turn[took] + size[took] / self._weight[stream[took]]
            self._turn[stream[took]] = late
            self._last_turn[rows[took]] = least[took]
            done = self._queue.bytes[stream] == 0
            rows = rows[done & waits[rows].any(axis=1)]
        self._end_turns()
        return _joined(parts), taken

    def begin(self, row: int, slot: int, frame: int) -> None:
        """A layer begins with that frame."""
        self._first[row * self._slots + slot] = frame

    def entries(self, row: int, slot: int) -> tuple[Ints, Floats]:
        """Frame and time of arrival of all that waits of a stream, oldest first."""
        _, frame, at = self._queue.entries(row * self._slots + slot)
        return frame, at

    def waiting(self, row: int, slot: int) -> Ints:
        """Frames of a stream that wait and of which nothing has left."""
        stream = row * self._slots + slot
        frames = np.unique(self._queue.entries(stream)[1])
        whole: Ints = frames[frames != self._begun[stream]]
        return whole

    def leave_out(self, row: int, slot: int, frames: Ints) -> None:
        """These are not sent."""
        self._queue.remove(row * self._slots + slot, slot, frames)

    def _next(self, rows: Ints, waits: Bools, patient: Bools) -> tuple[Ints, Floats, Floats]:
        """Each row's stream that is next, the one that has waited longest where all are patient or
        among equals; its turn, and the least of all."""
        turn = np.maximum(self._turn.reshape(self._shape)[rows], self._last_turn[rows, None])
        turn[~waits] = np.inf
        least = turn.min(axis=1)
        since = self._queue.since().reshape(self._shape)[rows]
        may = waits & (patient[:, None] | (turn == least[:, None]))
        slot = np.where(may, since, np.inf).argmin(axis=1)
        return rows * self._slots + slot, turn[np.arange(len(rows)), slot], least

    def _pop(self, stream: Ints, count: Ints) -> Popped:
        order = np.argsort(stream)
        counts = np.zeros(len(self._weight), dtype=np.int64)
        counts[stream[order]] = count[order]
        stream, size, slot, frame = self._queue.pop(counts)
        self._begun[stream] = frame
        for each in np.unique(stream[frame >= self._first[stream]]).tolist():
            self.started.append((*divmod(each, self._slots), int(self._first[each])))
            self._first[each] = _NEVER
        return stream // self._slots, size, slot, frame

    def _end_turns(self) -> None:
        """Where nothing waits any more, what was sent until now counts for nobody."""
        idle = self.bytes == 0
        last = self._turn.reshape(self._shape).max(axis=1)
        self._last_turn[idle] = np.maximum(self._last_turn, last)[idle]


def _joined(parts: list[Popped]) -> Popped:
    row, size, slot, frame = (
        np.concatenate([_NONE, *(part[column] for part in parts)]) for column in range(4)
    )
    return row, size, slot, frame


_CAPACITY: Final = 2048
_NEVER: Final = 1 << 60
_NONE: Final[Ints] = np.zeros(0, dtype=np.int64)
