"""What came back of probe clusters: their rates as they were sent and as they arrived."""

from typing import Final

import numpy as np

from sfu.bench.simulator.packets import Bools, Floats, Ints, Packets


class Cluster:
    """Sums over one cluster's packets; times in microseconds."""

    __slots__ = ("bytes", "came", "ended", "last_number", "packets", "sent_bytes", "sent_packets")

    def __init__(self) -> None:
        self.ended: float | None = None
        self.last_number = -1
        self.sent_bytes = self.sent_packets = 0
        self.bytes = self.packets = 0
        self.came: list[tuple[int, int, int]] = []
        """When each was sent and came, and its size."""

    def add(self, sent: Ints, came: Ints, size: Ints) -> None:
        """Packets that were received, in order."""
        self.came += zip(sent.tolist(), came.tolist(), size.tolist(), strict=True)
        self.packets += len(sent)
        self.bytes += int(size.sum())

    def result(self, probe: int) -> dict[str, int]:
        """Fields of a feedback row; a receive rate of 0 when too little came back."""
        enough = self.packets >= _ENOUGH * self.sent_packets
        enough &= self.bytes >= _ENOUGH * self.sent_bytes
        send, receive = _rates(_alike_ends(self.came)) if enough and self.came else (0, 0)
        return {
            "probe": probe,
            "probe_packets": self.packets,
            "probe_bytes": self.bytes,
            "probe_send_bps": send,
            "probe_receive_bps": receive,
        }


def _rates(came: list[tuple[int, int, int]]) -> tuple[int, int]:
    """bit/s sent and received, 0 where the span says nothing: the line through the times of all
    packets over the bytes before each, and up to each, so that jitter at the ends counts little."""
    sent, arrived, size = np.array(came, dtype=np.float64).T
    sending, receiving = np.ptp(sent), np.ptp(arrived)
    if not (0 < sending <= _LONGEST_US and 0 < receiving <= _LONGEST_US):
        return 0, 0
    through = np.cumsum(size)
    return _slope(sent, through - size), _slope(arrived, through)


def _slope(times: Floats, count: Floats) -> int:
    """bit/s."""
    count = count - count.mean()
    micros = float(count @ (times - times.mean()))
    return int(8_000_000 * float(count @ count) / micros) if micros > 0 else 0


def _alike_ends(came: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """As much of it as begins and ends with packets of about a size, as the plane does.

    What was sent in less than two fifths of the time lies within a burst or two: it says nothing.
    """
    long_enough = _span(came) * 2 // 5
    for trim in range(min(_MOST_TRIM, len(came) - _LEAST_PACKETS) + 1):
        for left in range(trim + 1):
            part = came[left : len(came) - (trim - left)]
            less, more = sorted((part[0][2], part[-1][2]))
            if 5 * more <= 6 * less and _span(part) >= long_enough:
                return part
    return came


def _span(came: list[tuple[int, int, int]]) -> int:
    """Microseconds that sending took."""
    return came[-1][0] - came[0][0]


class Probes:
    """Clusters of all rows that are not finished, oldest first."""

    def __init__(self, rows: int) -> None:
        self._open: list[dict[int, Cluster]] = [{} for _ in range(rows)]
        self._some: set[int] = set()

    def record(self, row: Ints, number: Ints, packets: Packets) -> None:
        """Packets that left under these transport-wide numbers."""
        for at in np.flatnonzero(packets.probe):
            which = int(row[at])
            cluster = self._open[which].setdefault(int(packets.probe[at]), Cluster())
            cluster.last_number = int(number[at])
            cluster.sent_packets += 1
            cluster.sent_bytes += int(packets.size[at])
            self._some.add(which)

    def end(self, row: int, probe: int, time: float) -> None:
        """The cluster has been sent in full."""
        cluster = self._open[row].get(probe)
        if cluster is not None:
            cluster.ended = time

    def take(
        self, rows: Ints, probe: Ints, sent: Ints, came: Ints, size: Ints, acked: Bools
    ) -> None:
        """Packets that a report is about, (rows, packets)."""
        if not self._some:
            return
        inside = acked & (probe > 0)
        for at in np.flatnonzero(inside.any(axis=1)):
            for each in np.unique(probe[at, inside[at]]):
                cluster = self._open[int(rows[at])].get(int(each))
                which = inside[at] & (probe[at] == each)
                if cluster is not None:
                    cluster.add(sent[at, which], came[at, which], size[at, which])

    def finish(self, time: float, reported: Ints) -> list[tuple[int, dict[str, int]]]:
        """Clusters reported on in full, or given up on; one per row and call."""
        results = []
        for row in list(self._some):
            clusters = self._open[row]
            for probe, cluster in clusters.items():
                done = cluster.ended is not None and (
                    reported[row] > cluster.last_number or time - cluster.ended > _PATIENCE
                )
                if done:
                    results.append((row, clusters.pop(probe).result(probe)))
                    break
            if not clusters:
                self._some.discard(row)
        return results


_ENOUGH: Final = 0.8
_LONGEST_US: Final = 1_000_000
_MOST_TRIM: Final = 16
_LEAST_PACKETS: Final = 3
_PATIENCE: Final = 1.0
"""Seconds after its last packet until a cluster has failed."""
