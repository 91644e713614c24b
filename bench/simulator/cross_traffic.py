"""TCP Cubic on the same links (RFC 9438): one long flow, or short ones that come and go."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sfu.bench.simulator.link import Courses, Links
from sfu.bench.simulator.packets import CROSS, OVERHEAD, STEP, Bools, Floats, Packets
from sfu.bench.trace import Direction


@dataclass(frozen=True, slots=True)
class Flow:
    """A sender with a window, from `start` to `stop`; always busy unless it has an idle time."""

    link: int
    start: float = 0.0
    stop: float = math.inf
    round_trip: float = 0.1
    """Seconds, without queues."""
    idle: float = 0.0
    """Mean seconds between two transfers; 0 for one that never ends."""
    transfer: tuple[float, float] = (100e3, 1e6)
    """Bytes of a transfer, from and to."""


class CubicFlows:
    """Windows in packets; acknowledgements come a round trip after sending, as the link has it."""

    def __init__(self, flows: Sequence[Flow], generator: np.random.Generator) -> None:
        count = len(flows)
        self._generator = generator
        self.link = np.array([each.link for each in flows], dtype=np.int64)
        self._round_trip = np.array([each.round_trip for each in flows])
        self._idle = np.array([each.idle for each in flows])
        self._sizes = np.array([each.transfer for each in flows]).reshape(-1, 2)
        self._start = np.array([each.start for each in flows])
        self._stop = np.array([each.stop for each in flows])
        self._left = np.where(self._idle > 0, 0.0, math.inf)
        self._resume = self._start + generator.exponential(1.0, count) * self._idle
        self._window = np.full(count, _INITIAL)
        self._threshold = np.full(count, math.inf)
        self._most = np.zeros(count)
        self._epoch = np.full(count, -1.0)
        self._cut_at = np.full(count, -math.inf)
        self._in_flight = np.zeros(count)
        self._acked = np.zeros((_SLOTS, count))
        self._lost = np.zeros((_SLOTS, count))
        self.delivered = np.zeros(count)
        """Bytes acknowledged so far."""

    def __len__(self) -> int:
        return len(self.link)

    def step(self, time: float) -> Packets:
        """What the flows send in the step that begins at `time`: `row` is the flow."""
        self._hear(time)
        self._begin_transfers(time)
        runs = (self._start <= time) & (time < self._stop) & (self._left > 0)
        room = np.floor(np.minimum(self._window - self._in_flight, self._left))
        count = np.where(runs, np.clip(room, 0, _MOST_PER_STEP), 0).astype(np.int64)
        self._in_flight += count
        self._left -= count
        flow = np.repeat(np.arange(len(count)), count)
        size = np.full(len(flow), _SEGMENT - OVERHEAD)
        sent = time + self._generator.random(len(flow)) * STEP
        none = np.full(len(flow), -1)
        kind = np.full(len(flow), CROSS)
        return Packets(flow, size, kind, none, none, sent, np.zeros_like(none), sent, sent)

    def learn(self, packets: Packets, leaves: Floats, wait: Floats, time: float) -> None:
        """When the packets of this step leave the link, infinite for those dropped; `wait` is
        seconds of queue per link."""
        lost = ~np.isfinite(leaves)
        flow = packets.row
        # A loss shows when what was sent behind it is acknowledged: a full queue later.
        heard = np.where(lost, time + wait[self.link[flow]], leaves) + self._round_trip[flow]
        steps = np.clip(((heard - time) / STEP).astype(np.int64), 1, _SLOTS - 1)
        slot = (round(time / STEP) + steps) % _SLOTS
        np.add.at(self._acked, (slot[~lost], flow[~lost]), 1)
        np.add.at(self._lost, (slot[lost], flow[lost]), 1)

    def _hear(self, time: float) -> None:
        slot = round(time / STEP) % _SLOTS
        acked, lost = self._acked[slot].copy(), self._lost[slot].copy()
        self._acked[slot] = self._lost[slot] = 0.0
        self._in_flight -= acked + lost
        self._left += np.where(np.isfinite(self._left), lost, 0.0)
        self.delivered += acked * _SEGMENT
        cut = (lost > 0) & (time - self._cut_at > self._round_trip)
        self._cut(cut, time)
        self._grow(acked, time)

    def _cut(self, cut: Bools, time: float) -> None:
        """Multiplicative decrease with fast convergence (RFC 9438 §4.6, §4.7)."""
        window = self._window[cut]
        shrinking = window < self._most[cut]
        self._most[cut] = np.where(shrinking, window * (1 + _BETA) / 2, window)
        self._window[cut] = self._threshold[cut] = np.maximum(window * _BETA, 2.0)
        self._epoch[cut] = time
        self._cut_at[cut] = time

    def _grow(self, acked: Floats, time: float) -> None:
        """Slow start, then the larger of cubic and Reno-friendly growth (RFC 9438 §4.2 to §4.5)."""
        slow = self._window < self._threshold
        grown = self._window + acked
        elapsed = time - self._epoch + self._round_trip
        top = np.cbrt(self._most * (1 - _BETA) / _CUBIC)
        target = _CUBIC * (elapsed - top) ** 3 + self._most
        target = np.clip(target, self._window, 1.5 * self._window)
        cubic = self._window + acked * (target - self._window) / self._window
        reno = self._window + acked * _RENO / self._window
        self._window = np.where(slow, grown, np.where(acked > 0, np.maximum(cubic, reno), cubic))

    def _begin_transfers(self, time: float) -> None:
        comes_and_goes = self._idle > 0
        over = comes_and_goes & (self._left <= 0) & (self._in_flight <= 0)
        begins = over & (self._resume <= time) & np.isfinite(self._resume)
        if begins.any():
            which = np.flatnonzero(begins)
            low, high = self._sizes[which].T
            size = self._generator.uniform(low, high)
            self._left[which] = np.ceil(size / _SEGMENT)
            self._window[which], self._threshold[which] = _INITIAL, math.inf
            self._most[which], self._epoch[which] = 0.0, -1.0
            self._resume[which] = math.inf
        waits = over & ~begins & ~np.isfinite(self._resume)
        which = np.flatnonzero(waits)
        self._resume[which] = (
            time + self._generator.exponential(1.0, len(which)) * (self._idle[which])
        )


class ReverseMedia:
    """Video that subscribers send themselves: a controller that takes a while to notice a queue."""

    def __init__(self, some: Bools, directions: Sequence[Direction]) -> None:
        """`some` says which rows send."""
        self._rows = np.flatnonzero(some)
        self._capacity = Courses([directions[row].capacity for row in self._rows.tolist()])
        self._rate = np.full(len(self._rows), 300_000.0)
        self._credit = np.zeros(len(self._rows))

    def step(self, links: Links, time: float) -> None:
        """Sends into the links of the rows' uplinks."""
        if not len(self._rows):
            return
        if round(time / STEP) % _REACTION == 0:
            queue = links.wait(time)[self._rows]
            cut = 0.85 * np.minimum(self._rate, self._capacity.now(time))
            grown = np.minimum(self._rate * _GROWTH, _MOST_REVERSE)
            self._rate = np.where(queue > _NOTICED, cut, grown)
        self._credit += self._rate * (STEP / 8)
        count = (self._credit // _SEGMENT).astype(np.int64)
        self._credit -= count * _SEGMENT
        row = np.repeat(self._rows, count)
        links.offer(row, np.full(len(row), _SEGMENT - OVERHEAD), np.full(len(row), time))


_REACTION: Final = 40
"""Steps between two decisions of media on the way back: 200 ms."""
_GROWTH: Final = 1.016
_MOST_REVERSE: Final = 2.5e6
_NOTICED: Final = 0.06
"""Seconds of queue that make it send less."""
_SEGMENT: Final = 1500
"""Bytes of an IP packet."""
_INITIAL: Final = 10.0
_BETA: Final = 0.7
_CUBIC: Final = 0.4
_RENO: Final = 3 * (1 - _BETA) / (1 + _BETA)
_MOST_PER_STEP: Final = 20
_SLOTS: Final = 4096
"""Steps ahead that acknowledgements are kept for: 20 s."""
