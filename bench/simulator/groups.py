"""Groups of packets sent within 5 ms, and how their distances change on the way."""

from typing import Final

import numpy as np

from sfu.bandwidth.rows import DELTA, Bools, Ints, Records


class Groups:
    """Per row the group that is filling and the one before (goog_cc inter_arrival_delta)."""

    def __init__(self, rows: int) -> None:
        self._began = np.full(rows, -1, dtype=np.int64)
        """Send time of the group's first packet, -1 before there is one; all in microseconds."""
        self._sent = np.zeros(rows, dtype=np.int64)
        self._first_came = np.zeros(rows, dtype=np.int64)
        self._came = np.zeros(rows, dtype=np.int64)
        self._size = np.zeros(rows, dtype=np.int64)
        self._before_sent = np.full(rows, -1, dtype=np.int64)
        self._before_came = np.zeros(rows, dtype=np.int64)
        self._found: list[tuple[Ints, Records]] = []

    def take(self, rows: Ints, sent: Ints, came: Ints, size: Ints, acked: Bools) -> None:
        """Received packets of some rows, (rows, packets), where `acked`."""
        # Packets that came in move to the left, so that fewer columns are looked at.
        order = np.argsort(~acked, axis=1, kind="stable")
        sent, came, size = (np.take_along_axis(part, order, axis=1) for part in (sent, came, size))
        acked = np.take_along_axis(acked, order, axis=1)
        for column in range(int(acked.sum(axis=1).max(initial=0))):
            here = acked[:, column]
            self._add(rows[here], sent[here, column], came[here, column], size[here, column])

    def collect(self, rows: Ints) -> tuple[Records, Ints]:
        """DELTA entries of `rows` found since they were last asked for, in their order, which is
        ascending, and how many each has."""
        counts = np.zeros(len(self._began), dtype=np.int64)
        if not self._found:
            return np.zeros(0, dtype=DELTA), counts[rows]
        owner = np.concatenate([each[0] for each in self._found])
        deltas = np.concatenate([each[1] for each in self._found])
        asked = np.isin(owner, rows)
        self._found = [] if asked.all() else [(owner[~asked], deltas[~asked])]
        owner, deltas = owner[asked], deltas[asked]
        counts += np.bincount(owner, minlength=len(counts))
        return deltas[np.argsort(owner, kind="stable")], counts[rows]

    def _add(self, rows: Ints, sent: Ints, came: Ints, size: Ints) -> None:
        began = self._began[rows]
        fresh = began < 0
        before_began = ~fresh & (sent < began)
        apart, later = sent - self._sent[rows], came - self._came[rows]
        burst = (apart == 0) | (
            (later - apart < 0)
            & (later <= _BURST_US)
            & (came - self._first_came[rows] < _LONGEST_BURST_US)
        )
        closes = ~fresh & ~before_began & ~burst & (sent - began > _GROUP_US)
        self._close(rows[closes])
        starts = fresh | closes
        begun = rows[starts]
        self._began[begun], self._first_came[begun] = sent[starts], came[starts]
        self._sent[begun], self._size[begun] = sent[starts], 0
        inside = ~before_began
        rows, sent, came, size = rows[inside], sent[inside], came[inside], size[inside]
        self._sent[rows] = np.maximum(self._sent[rows], sent)
        self._size[rows] += size
        self._came[rows] = came

    def _close(self, rows: Ints) -> None:
        """The filling group is complete: its distance to the one before is a delta."""
        known = rows[self._before_sent[rows] >= 0]
        if len(known):
            deltas = np.zeros(len(known), dtype=DELTA)
            deltas["send_delta_us"] = self._sent[known] - self._before_sent[known]
            deltas["arrival_delta_us"] = self._came[known] - self._before_came[known]
            deltas["arrival_us"] = self._came[known]
            deltas["size"] = self._size[known]
            self._found.append((known, deltas))
        self._before_sent[rows] = self._sent[rows]
        self._before_came[rows] = self._came[rows]


_GROUP_US: Final = 5_000
_BURST_US: Final = 5_000
_LONGEST_BURST_US: Final = 100_000
