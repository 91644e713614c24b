"""Links: first in, first out, bounded in bytes, of changing capacity; and the paths around."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from sfu.bench.simulator.packets import OVERHEAD, Bools, Floats, Ints, first_of_runs
from sfu.bench.trace import Direction, Steps


class Courses:
    """Values that change in steps, one course per entry: what holds now, looked up cheaply."""

    def __init__(self, courses: Sequence[Steps]) -> None:
        self.at, self.value = _table(courses)
        self._due = 0.0
        self._now = self.value[:, 0].copy() if len(courses) else np.empty(0)

    def now(self, time: float) -> Floats:
        """Values at `time`, which never goes back."""
        if time >= self._due:
            piece = np.sum(self.at <= time + _ROUNDING, axis=1) - 1
            self._now = self.value[np.arange(len(piece)), piece]
            later = self.at[self.at > time + _ROUNDING]
            self._due = float(later.min()) if later.size else math.inf
        return self._now


class Links:
    """Bottlenecks. A packet waits until all before it have left, then takes size / capacity.

    Work is the number of bytes that a link could have carried since the start: a packet leaves
    when the work reaches max(finish of the one before, work at its arrival) + its size.
    """

    def __init__(self, directions: Sequence[Direction]) -> None:
        self._at, rate = _table([each.capacity for each in directions])
        self._rate = np.minimum(rate, _UNLIMITED) / 8
        ends = np.where(np.isfinite(self._at[:, 1:]), self._at[:, 1:], self._at[:, :-1])
        with np.errstate(invalid="ignore"):
            done = np.nan_to_num((ends - self._at[:, :-1]) * self._rate[:, :-1])
        self._work = np.concatenate([np.zeros((len(rate), 1)), np.cumsum(done, axis=1)], axis=1)
        self._work[~np.isfinite(self._at)] = math.inf
        self._queue = Courses([each.queue for each in directions])
        self._finish = np.zeros(len(directions))
        self.dropped = np.zeros(len(directions), dtype=np.int64)

    def offer(self, link: Ints, size: Ints, at: Floats) -> Floats:
        """When packets leave that come in at `at`, infinite for those that find no room.

        All of a call come in within one step, none before those of earlier calls.
        """
        if not len(link):
            return at
        order = np.lexsort((at, link))
        sorted_link = link[order]
        bytes_ = (size[order] + OVERHEAD).astype(np.float64)
        work = self._work_at(sorted_link, at[order])
        room = self._queue.now(float(at.min()))[sorted_link]
        finish = np.full(len(order), math.inf)
        _, place = first_of_runs(sorted_link)
        by_place = np.argsort(place, kind="stable")
        ends = np.cumsum(np.bincount(place))
        for first, last in zip(np.append(0, ends[:-1]), ends, strict=True):
            which = by_place[first:last]
            links = sorted_link[which]
            end = np.maximum(self._finish[links], work[which]) + bytes_[which]
            fits = end - work[which] <= room[which]
            finish[which] = np.where(fits, end, math.inf)
            self._finish[links] = np.where(fits, end, self._finish[links])
            self.dropped[links] += ~fits
        leaves = np.empty(len(order))
        leaves[order] = self._time_of(sorted_link, finish)
        return leaves

    def backlog(self, time: float) -> Floats:
        """Bytes that wait at each link."""
        links = np.arange(len(self._finish))
        work = self._work_at(links, np.full(len(links), time))
        return np.maximum(self._finish - work, 0.0)

    def rate(self, time: float) -> Floats:
        """Bytes per second of each link."""
        links = np.arange(len(self._finish))
        piece = np.sum(self._at <= time, axis=1) - 1
        rate: Floats = self._rate[links, piece]
        return rate

    def wait(self, time: float) -> Floats:
        """Seconds that the last packet of each link has to wait."""
        links = np.arange(len(self._finish))
        work = self._work_at(links, np.full(len(links), time))
        leaves = self._time_of(links, np.maximum(self._finish, work))
        return np.where(self._finish > work, leaves - time, 0.0)

    def _work_at(self, link: Ints, time: Floats) -> Floats:
        at = self._at[link]
        piece = np.sum(at <= time[:, None], axis=1) - 1
        began, rate = at[np.arange(len(link)), piece], self._rate[link, piece]
        work: Floats = self._work[link, piece] + (time - began) * rate
        return work

    def _time_of(self, link: Ints, work: Floats) -> Floats:
        """The earliest time at which a link has done that work."""
        done = self._work[link]
        piece = np.maximum(np.sum(done < work[:, None], axis=1) - 1, 0)
        # Of infinite work all pieces are before; the last one without end counts.
        piece = np.minimum(piece, np.sum(np.isfinite(done), axis=1) - 1)
        rate = self._rate[link, piece]
        with np.errstate(divide="ignore", invalid="ignore"):
            took = (work - done[np.arange(len(link)), piece]) / rate
        time: Floats = self._at[link, piece] + np.where(np.isnan(took), 0.0, took)
        return time


class Paths:
    """What befalls packets besides the queue, per row: delay, jitter without overtaking, loss."""

    def __init__(
        self,
        directions: Sequence[Direction],
        bursts: Sequence[tuple[float, float]],
        generator: np.random.Generator,
    ) -> None:
        """`bursts` is (fraction of time, mean seconds) of the bad state of a Gilbert-Elliott
        channel, in which every other packet is lost; (0, 0) for none."""
        self._delay = Courses([each.delay for each in directions])
        self._jitter = Courses([each.jitter for each in directions])
        self._loss = Courses([each.loss for each in directions])
        self._generator = generator
        self._latest = np.zeros(len(directions))
        fraction, mean = np.array(bursts, dtype=np.float64).reshape(-1, 2).T
        self._leave = np.divide(1.0, mean, out=np.zeros(len(mean)), where=mean > 0)
        self._enter = self._leave * fraction / np.maximum(1.0 - fraction, 1e-9)
        self._bad = np.zeros(len(directions), dtype=bool)
        self._at = 0.0

    def cross(self, row: Ints, leaves: Floats, time: float) -> Floats:
        """When packets arrive that leave the link at `leaves`, infinite for lost ones.

        Packets of a row come in the order of sending.
        """
        arrival = leaves + self._delay.now(time)[row]
        jitter = self._jitter.now(time)
        if jitter.any():
            arrival += self._generator.random(len(row)) * jitter[row]
        arrival[self._lost(row, time)] = math.inf
        return self._in_order(row, arrival)

    def delay(self, time: float) -> Floats:
        """Propagation of each row."""
        return self._delay.now(time)

    def _lost(self, row: Ints, time: float) -> Bools:
        loss = self._loss.now(time)
        lost = np.zeros(len(row), dtype=bool)
        if loss.any():
            lost |= self._generator.random(len(row)) < loss[row]
        if self._enter.any():
            elapsed, self._at = time - self._at, time
            change = np.where(self._bad, self._leave, self._enter) * elapsed
            self._bad ^= self._generator.random(len(change)) < change
            lost |= self._bad[row] & (self._generator.random(len(row)) < _LOSS_OF_BAD)
        return lost

    def _in_order(self, row: Ints, arrival: Floats) -> Floats:
        """No packet arrives before one that was sent earlier."""
        if not len(row):
            return arrival
        lost = ~np.isfinite(arrival)
        arrival[lost] = 0.0
        order = np.argsort(row, kind="stable")
        starts, place = first_of_runs(row[order])
        padded = np.zeros((len(starts), int(place.max()) + 1))
        run = np.cumsum(place == 0) - 1
        padded[run, place] = arrival[order]
        rows = row[order[starts]]
        padded[:, 0] = np.maximum(padded[:, 0], self._latest[rows])
        np.maximum.accumulate(padded, axis=1, out=padded)
        self._latest[rows] = padded[:, -1]
        arrival[order] = padded[run, place]
        arrival[lost] = math.inf
        return arrival


def _table(courses: Sequence[Steps]) -> tuple[Floats, Floats]:
    """Times and values, (courses, most steps); what a shorter course lacks begins never."""
    width = max((len(each) for each in courses), default=1)
    at = np.full((len(courses), width), math.inf)
    value = np.zeros((len(courses), width))
    for index, course in enumerate(courses):
        at[index, : len(course)] = [each[0] for each in course]
        value[index, : len(course)] = [each[1] for each in course]
    return at, value


_ROUNDING: Final = 1e-9
_UNLIMITED: Final = 1e12
"""bit/s of a link without a limit."""
_LOSS_OF_BAD: Final = 0.5
"""Gilbert-Elliott: fraction lost in the bad state."""
