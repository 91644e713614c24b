"""What is recorded while a simulation runs, in bins of 50 ms, and what is read from it."""

from typing import Final

import numpy as np

from sfu.bench.simulator.packets import (
    AUDIO,
    OVERHEAD,
    PADDING,
    REPAIR,
    VIDEO,
    Bools,
    Floats,
    Ints,
    Packets,
)

BIN: Final = 0.05
"""Seconds."""
_WAITS: Final = np.concatenate([np.arange(0, 200, 2), np.arange(200, 1000, 10), [1e9]]) / 1e3
"""Bounds of the histogram of waits, seconds."""


class Measures:
    """Columns of shape (bins, rows); bytes are those of IP packets."""

    def __init__(self, seconds: float, rows: int) -> None:
        self.bins = int(np.ceil(seconds / BIN)) + 1
        self.rows = rows
        shape = (self.bins, rows)
        self.sent = np.zeros(shape)
        """Bytes that left, everything."""
        self.padding = np.zeros(shape)
        self.repairs = np.zeros(shape)
        self.delivered = np.zeros(shape)
        """Bytes of sound and pictures when they arrived, each packet once."""
        self.pictures = np.zeros(shape)
        """The part of `delivered` that is pictures."""
        self.offered = np.zeros(shape)
        """Bytes of the best layers of all that a row looks at."""
        self.target = np.zeros(shape)
        """bit/s, as of the end of the bin; so are the following."""
        self.cost = np.zeros(shape)
        """bit/s of the layers that the allocator has given."""
        self.queue = np.zeros(shape)
        """Seconds that the link's queue takes."""
        self.state = np.zeros(shape, dtype=np.int8)
        self.layers = np.zeros(shape)
        """Sum over slots of spatial layer + 1, so 0 when nothing is shown."""
        self.best_layers = np.zeros(shape)
        """The same at the top of the staircase."""
        self.paused = np.zeros(shape, dtype=np.int8)
        """Slots that are looked at but not shown, as the allocator wants."""
        self.upgraded = np.zeros(shape, dtype=np.int8)
        """Slots that show more than their base layer."""
        self.waits = np.zeros((rows, len(_WAITS)), dtype=np.int64)
        """Packets by seconds in the queue."""
        self.probe_waits: list[tuple[int, int, float, float]] = []
        """(row, cluster, seconds in the queue, when it was sent) of packets of probes."""
        self.lost = np.zeros(rows, dtype=np.int64)
        self.packets = np.zeros(rows, dtype=np.int64)
        self.audio_lost = np.zeros(rows, dtype=np.int64)
        self.audio_repaired = np.zeros(rows, dtype=np.int64)
        self.overuses = np.zeros(rows, dtype=np.int64)
        self.levels: list[tuple[float, int, int, bool]] = []
        """(time, row, steps up or down, whether a spatial layer changed) by the allocator."""

    def note_packets(self, packets: Packets, is_audio: Bools, time: float) -> None:
        """Packets that left in this step, with their fate."""
        at = int(time / BIN)
        size = packets.size + OVERHEAD
        row = packets.row
        count = self.rows
        self.sent[at] += np.bincount(row, size, count)
        for kind, into in ((PADDING, self.padding), (REPAIR, self.repairs)):
            which = packets.kind == kind
            if which.any():
                into[at] += np.bincount(row[which], size[which], count)
        arrived = np.isfinite(packets.arrival)
        useful = arrived & (packets.kind != PADDING)
        bins = np.minimum((packets.arrival[useful] / BIN).astype(np.int64), self.bins - 1)
        np.add.at(self.delivered, (bins, row[useful]), size[useful])
        seen = ~((packets.kind == AUDIO) | is_audio)[useful]
        np.add.at(self.pictures, (bins[seen], row[useful][seen]), size[useful][seen])
        self.packets += np.bincount(row, minlength=count)
        self.lost += np.bincount(row[~arrived], minlength=count)
        sound = packets.kind == AUDIO
        self.audio_lost += np.bincount(row[sound & ~arrived], minlength=count)
        again = is_audio & arrived & (packets.kind == REPAIR)
        self.audio_repaired += np.bincount(row[again], minlength=count)
        media = np.isfinite(packets.wait) & ((packets.kind == VIDEO) | sound)
        place = np.searchsorted(_WAITS, packets.wait[media], side="right") - 1
        np.add.at(self.waits, (row[media], np.maximum(place, 0)), 1)

    def note_probes(self, packets: Packets) -> None:
        """Waits of packets that belong to probe clusters."""
        which = np.flatnonzero((packets.probe > 0) & np.isfinite(packets.wait))
        self.probe_waits += zip(
            packets.row[which].tolist(),
            packets.probe[which].tolist(),
            packets.wait[which].tolist(),
            packets.sent[which].tolist(),
            strict=True,
        )

    def wait(self, quantile: float) -> Floats:
        """Seconds that this part of the packets waited at most, per row."""
        return wait_of(self.waits, quantile)

    def loss(self) -> Floats:
        """Fraction of packets lost before repair, per row."""
        return self.lost / np.maximum(self.packets, 1)


def wait_of(counts: Ints, quantile: float) -> Floats:
    """Seconds that this part of the packets waited at most, of each histogram."""
    total = np.cumsum(counts, axis=1)
    place = np.sum(total < quantile * total[:, -1:], axis=1)
    waits: Floats = _WAITS[np.minimum(place + 1, len(_WAITS) - 1)]
    return waits


def trailing(column: Floats, seconds: float) -> Floats:
    """bit/s over the last `seconds` at the end of each bin, of bytes (bins, …)."""
    width = max(round(seconds / BIN), 1)
    total = np.cumsum(column, axis=0)
    before = np.zeros_like(total)
    before[width:] = total[:-width]
    span = np.minimum(np.arange(1, len(column) + 1), width) * BIN
    rate: Floats = (total - before) * 8.0 / span.reshape(-1, *[1] * (column.ndim - 1))
    return rate


def mean_rate(column: Floats, begin: float, end: float) -> Floats:
    """bit/s between two times, of bytes (bins, rows)."""
    part = column[round(begin / BIN) : round(end / BIN)]
    rate: Floats = part.sum(axis=0) * 8.0 / (len(part) * BIN)
    return rate


def first_time(condition: Bools, begin: float) -> Floats:
    """Seconds after `begin` at which a condition (bins, rows) first holds; infinite if never."""
    part = condition[round(begin / BIN) :]
    found = part.any(axis=0)
    times: Floats = np.where(found, (np.argmax(part, axis=0) + 1) * BIN, np.inf)
    return times


def jain(rates: Floats, groups: Ints) -> Floats:
    """Jain's fairness index of each group of rows."""
    count = np.bincount(groups)
    total = np.bincount(groups, rates)
    squares = np.bincount(groups, rates**2)
    index: Floats = total**2 / np.maximum(count * squares, 1e-9)
    return index
