"""What was sent, and what comes back: receivers' feedback, and the plane's rows made of it."""

import math
from typing import Final

import numpy as np

from sfu.bandwidth.rows import (
    FEEDBACK,
    PROBED,
    SILENT,
    TRANSPORT_WIDE,
    Records,
)
from sfu.bench.simulator.groups import Groups
from sfu.bench.simulator.packets import (
    PADDING,
    REPAIR,
    Bools,
    Floats,
    Ints,
    Packets,
    first_of_runs,
)
from sfu.bench.simulator.probes import Probes
from sfu.bench.simulator.throughput import Throughput


class History:
    """Packets sent per row, by transport-wide number, and what has been reported of them.

    Receivers report each 50 ms or so on what has come in since (Chromium that only receives). A
    report that is lost is not repeated: its packets stay unknown, neither lost nor received.
    """

    def __init__(self, rows: int, generator: np.random.Generator) -> None:
        self._rows = np.arange(rows)
        self._generator = generator
        self._sent_us = np.zeros((rows, _REMEMBERED), dtype=np.int64)
        self._arrival_us = np.zeros((rows, _REMEMBERED), dtype=np.int64)
        self._size = np.zeros((rows, _REMEMBERED), dtype=np.int64)
        self._probe = np.zeros((rows, _REMEMBERED), dtype=np.int64)
        self._next = np.zeros(rows, dtype=np.int64)
        self._covered = np.zeros(rows, dtype=np.int64)
        self._reported = np.zeros(rows, dtype=np.int64)
        self._due = _INTERVALS[1] * generator.random(rows)
        self._offset_us = generator.integers(0, 1 << 40, rows)
        self._skew = generator.uniform(-_SKEW, _SKEW, rows)
        self._pool = Pool()
        self._base = np.full((rows, _MINUTES), _NEVER)
        self._minute = 0
        self._row = np.zeros(rows, dtype=FEEDBACK)
        self._least_delay = np.full(rows, _NEVER)
        self._most_delay = np.full(rows, -_NEVER)
        self._news = np.zeros(rows, dtype=bool)
        self._urgent_at = np.full(rows, -math.inf)
        self.at_leisure = np.zeros(rows, dtype=bool)
        """Rows of which the control plane wants to hear once a second only."""
        self.heard = np.zeros(rows)
        """When the last feedback came in, or the first packet was sent."""
        self._silent_at = np.full(rows, math.inf)
        self.above_base = np.zeros(rows)
        """Seconds: least delay above the base in the last feedback."""
        self.throughput = Throughput(rows)
        self.groups = Groups(rows)
        self.probes = Probes(rows)

    def record(self, packets: Packets) -> None:
        """Packets that left, their fate known already, in order of row and sending."""
        if not len(packets):
            return
        row = packets.row
        _, place = first_of_runs(row)
        began = (self._next == 0) & (np.bincount(row, minlength=len(self._next)) > 0)
        number = self._next[row] + place
        at = number & (_REMEMBERED - 1)
        self._sent_us[row, at] = np.rint(packets.sent * 1e6)
        arrived = np.isfinite(packets.arrival)
        ticks = np.floor(np.where(arrived, packets.arrival, 0.0) * 1e6 / _RESOLUTION_US)
        self._arrival_us[row, at] = np.where(arrived, ticks * _RESOLUTION_US, _NEVER)
        self._size[row, at] = packets.size
        self._probe[row, at] = packets.probe
        self._next += np.bincount(row, minlength=len(self._next))
        for name, which in (
            ("sent_bytes", packets.kind < PADDING),
            ("sent_rtx_bytes", packets.kind == REPAIR),
            ("sent_padding_bytes", packets.kind == PADDING),
        ):
            which = which & (packets.kind != REPAIR) if name == "sent_bytes" else which
            sums = np.bincount(row[which], packets.size[which], len(self._next))
            self._row[name] += sums.astype(np.uint32)
        self.probes.record(row, number, packets)
        sums = np.bincount(row, packets.size, len(self._next)).astype(np.uint32)
        self._row["in_flight_bytes"] += sums
        first = np.flatnonzero(began)
        self.heard[first] = packets.sent[np.searchsorted(row, first)]
        self._silent_at[first] = self.heard[first] + _SILENCE

    def report(self, time: float) -> tuple[Ints, Floats]:
        """Receivers whose turn it is send feedback: their rows, and when.

        The caller says by `deliver` when it is there, if it is.
        """
        rows = np.flatnonzero(self._due <= time)
        if not len(rows):
            return rows, np.empty(0)
        now_us = self._due[rows] * 1e6
        at = self._due[rows]
        self._due[rows] += self._generator.uniform(*_INTERVALS, len(rows))
        numbers, valid, index = self._window(rows, self._covered[rows], self._next[rows])
        arrived = valid & (self._arrival_us[rows[:, None], index] <= now_us[:, None])
        newest = np.where(arrived, numbers, -1).max(axis=1, initial=-1)
        some = newest >= 0
        rows, newest = rows[some], newest[some]
        self._pool.put(rows, self._covered[rows], newest + 1)
        self._covered[rows] = newest + 1
        return rows, at[some]

    def deliver(self, arrival: Floats) -> None:
        """When each of the reports that `report` gave last comes in; infinite if it is lost."""
        self._pool.arrive(arrival)

    def take(
        self,
        time: float,
        queued: Floats,
        *,
        urgent_only: bool = False,
        leisurely_too: bool = True,
    ) -> tuple[Records, Records]:
        """FEEDBACK and DELTA rows of what has come in until `time`, or of those rows that have a
        queue, losses or a finished probe to tell of, or had lately; `queued` in seconds. Rows at
        leisure may be left out in the same way."""
        self.hear(time)
        rows = np.flatnonzero(self._news)
        urgent = self.above_base[rows] >= _URGENT
        urgent |= (self._row["flags"][rows] & PROBED) != 0
        urgent |= self._row["lost"][rows] > self._row["unlost"][rows]
        urgent |= self.at_leisure[rows] & ((self._row["flags"][rows] & SILENT) != 0)
        self._urgent_at[rows[urgent]] = time
        if urgent_only or not leisurely_too:
            waits = self.at_leisure[rows] | urgent_only
            rows = rows[~waits | (time - self._urgent_at[rows] <= _URGENT_FOR)]
        return self._rows_with_news(rows, time, queued)

    def hear(self, time: float) -> None:
        """Takes the reports that have come in until `time`."""
        minute = int(time // 60)
        if minute != self._minute:
            self._minute = minute
            self._base[:, minute % _MINUTES] = _NEVER
        for rows, first, last, arrival in self._pool.due(time):
            self._take_report(rows, first, last, arrival)
        self._notice_silence(time)
        finished = self.probes.finish(time, self._reported)
        for row, result in finished:
            for name, value in result.items():
                self._row[name][row] = value
            self._row["flags"][row] |= PROBED
            self._news[row] = True

    def is_silent(self, time: float) -> Bools:
        """Where feedback has stopped coming while packets are on their way."""
        silent: Bools = (time - self.heard > _SILENCE) & (self._row["in_flight_bytes"] > 0)
        return silent

    def is_late(self) -> Bools:
        """Where the last feedback told of a long delay."""
        late: Bools = self.above_base > _LONG
        return late

    def _take_report(self, rows: Ints, first: Ints, last: Ints, arrival: Floats) -> None:
        """One report for each of some rows: packets from `first` up to but without `last`."""
        numbers, valid, index = self._window(rows, self._reported[rows], last)
        each = rows[:, None]
        size = self._size[each, index]
        row = self._row
        row["in_flight_bytes"][rows] -= (size * valid).sum(axis=1).astype(np.uint32)
        told = valid & (numbers >= first[:, None])
        arrived_us = self._arrival_us[each, index]
        acked = told & (arrived_us < _NEVER)
        lost = told & ~acked
        row["flags"][rows] |= TRANSPORT_WIDE
        row["reports"][rows] += 1
        row["time_us"][rows] = np.rint(arrival * 1e6)
        for name, which in (("acked", acked), ("lost", lost)):
            row[name][rows] += which.sum(axis=1).astype(np.uint32)
            row[f"{name}_bytes"][rows] += (size * which).sum(axis=1).astype(np.uint32)
        sent_us = self._sent_us[each, index]
        newest = np.where(acked, sent_us, 0).max(axis=1, initial=0)
        row["last_sent_us"][rows] = np.where(told, sent_us, 0).max(axis=1, initial=0)
        round_trip = np.maximum(np.rint(arrival * 1e6).astype(np.int64) - newest, 1)
        before = row["round_trip_us"][rows]
        least = np.where(before == 0, round_trip, np.minimum(before, round_trip))
        row["round_trip_us"][rows] = np.where(acked.any(axis=1), least, before)
        clock_us = (arrived_us * (1.0 + self._skew[each])).astype(np.int64) + self._offset_us[each]
        self._learn_delays(rows, clock_us - sent_us, acked)
        self.groups.take(rows, sent_us, clock_us, size, acked)
        self.probes.take(rows, self._probe[each, index], sent_us, arrived_us, size, acked)
        self._reported[rows] = last
        self.throughput.take(rows, sent_us, arrived_us, size, acked)
        self.heard[rows] = arrival
        self._silent_at[rows] = arrival + _SILENCE
        self._news[rows] = True

    def _window(self, rows: Ints, first: Ints, last: Ints) -> tuple[Ints, Bools, Ints]:
        """Numbers from `first` up to `last`, (rows, most): which are there, and where."""
        width = int((last - first).max(initial=0))
        numbers = first[:, None] + np.arange(width)
        return numbers, numbers < last[:, None], numbers & (_REMEMBERED - 1)

    def _learn_delays(self, rows: Ints, delay_us: Ints, acked: Bools) -> None:
        """Delay above the least of the last ten minutes, by minute (RFC 6817 §3.4.1)."""
        least = np.where(acked, delay_us, _NEVER).min(axis=1, initial=_NEVER)
        most = np.where(acked, delay_us, -_NEVER).max(axis=1, initial=-_NEVER)
        minute = self._minute % _MINUTES
        self._base[rows, minute] = np.minimum(self._base[rows, minute], least)
        base = self._base[rows].min(axis=1)
        some = least < _NEVER
        rows, least, most, base = rows[some], least[some], most[some], base[some]
        self.above_base[rows] = (least - base) * 1e-6
        self._least_delay[rows] = np.minimum(self._least_delay[rows], least - base)
        self._most_delay[rows] = np.maximum(self._most_delay[rows], most - base)

    def _notice_silence(self, time: float) -> None:
        silent = np.flatnonzero((self._silent_at <= time) & (self._row["in_flight_bytes"] > 0))
        self._row["flags"][silent] |= SILENT
        self._silent_at[silent] = time + _SILENCE
        self._news[silent] = True

    def _rows_with_news(self, rows: Ints, time: float, queued: Floats) -> tuple[Records, Records]:
        self._news[rows] = False
        out = self._row[rows].copy()
        out["transport"] = rows + 1
        out["queued_us"] = queued[rows] * 1e6
        out["throughput_bps"] = self.throughput.bps[rows]
        heard = (out["flags"] & TRANSPORT_WIDE) != 0
        out["time_us"] = np.where(heard, out["time_us"], round(time * 1e6))
        delayed = self._least_delay[rows] < _NEVER
        out["delay_min_us"] = np.where(delayed, self._least_delay[rows], 0)
        out["delay_max_us"] = np.where(delayed, self._most_delay[rows], 0)
        self._least_delay[rows], self._most_delay[rows] = _NEVER, -_NEVER
        deltas, counts = self.groups.collect(rows)
        kept = np.where(self.at_leisure[rows], np.minimum(counts, _LEISURE_DELTAS), counts)
        left = np.repeat(np.cumsum(counts), counts) - np.arange(len(deltas))
        deltas = deltas[left <= np.repeat(kept, counts)]
        out["deltas"] = kept
        in_flight = self._row["in_flight_bytes"][rows]
        self._row[rows] = np.zeros(1, dtype=FEEDBACK)
        self._row["in_flight_bytes"][rows] = in_flight
        return out, deltas


class Pool:
    """Reports on their way back: which packets of which row each is about."""

    def __init__(self) -> None:
        self._rows = self._first = self._last = np.empty(0, dtype=np.int64)
        self._arrival = np.empty(0)
        self._fresh = 0

    def put(self, rows: Ints, first: Ints, last: Ints) -> None:
        self._fresh = len(rows)
        self._rows = np.concatenate([self._rows, rows])
        self._first = np.concatenate([self._first, first])
        self._last = np.concatenate([self._last, last])

    def arrive(self, arrival: Floats) -> None:
        self._arrival = np.concatenate([self._arrival, arrival])
        kept = np.isfinite(self._arrival)
        if not kept.all():
            self._keep(kept)

    def due(self, time: float) -> list[tuple[Ints, Ints, Ints, Floats]]:
        """What has come in, in rounds in which no row is twice."""
        due = self._arrival <= time
        which = np.flatnonzero(due)
        which = which[np.lexsort((self._arrival[which], self._rows[which]))]
        rounds = []
        if len(which):
            _, place = first_of_runs(self._rows[which])
            for each in range(int(place.max()) + 1):
                now = which[place == each]
                rounds.append(
                    (self._rows[now], self._first[now], self._last[now], self._arrival[now])
                )
            self._keep(~due)
        return rounds

    def _keep(self, kept: Bools) -> None:
        self._rows, self._first = self._rows[kept], self._first[kept]
        self._last, self._arrival = self._last[kept], self._arrival[kept]


_INTERVALS: Final = 0.044, 0.082
"""Least and most seconds between reports: 50 ms and a timer, as seen of Chromium 156."""
_RESOLUTION_US: Final = 250
_REMEMBERED: Final = 4096
"""Packets per row, a power of two."""
_NEVER: Final = 1 << 60
_MINUTES: Final = 10
_SKEW: Final = 30e-6
"""Most that a receiver's clock runs fast or slow by."""
_SILENCE: Final = 0.5
_URGENT: Final = 0.01
"""Seconds of delay above the base that are told with the next tick, ..."""
_URGENT_FOR: Final = 1.0
"""... as all is for so many seconds after that."""
_LEISURE_DELTAS: Final = 20
"""That are told of who is not listened to more often than once a second."""
_LONG: Final = 0.25
"""Seconds of delay above the base."""
