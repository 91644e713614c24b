"""What was lost and is asked for again: NACK, and retransmission as the plane grants it."""

from typing import Final

import numpy as np

from sfu.bench.simulator.packets import (
    AUDIO,
    PADDING,
    REPAIR,
    Bools,
    Floats,
    Ints,
    Packets,
)


class Repairs:
    """Packets that did not arrive. A receiver misses one when a later one of the slot arrives, asks
    at once and again each round trip, ten times at most (libwebrtc NackRequester)."""

    def __init__(self, shape: tuple[int, int], generator: np.random.Generator) -> None:
        """`shape` is (rows, slots); microphones count as slots of their own."""
        self._generator = generator
        self._shape = shape
        self._missing = Missing()
        self._budget = np.zeros(shape[0])
        self.given_up: list[Missing] = []
        """What is not asked for any more, since this was last emptied."""

    def note(self, packets: Packets, round_trip: Floats) -> None:
        """Packets that left: those lost are missing, and arrivals show what is; the round trip is
        that of each row, in seconds."""
        rows, slots = self._shape
        grown = np.bincount(packets.row, packets.size * _GRANTED, rows)
        self._budget = np.minimum(self._budget + grown, _MOST_BUDGET)
        media = packets.kind != PADDING
        lost = media & ~np.isfinite(packets.arrival)
        if lost.any():
            self._missing.add(packets.take(lost), np.flatnonzero(lost), round_trip)
        if not len(self._missing):
            return
        came = np.flatnonzero(media & np.isfinite(packets.arrival) & (packets.kind != REPAIR))
        last = np.full((rows, 2 * slots), -1)
        stream = packets.slot[came] + np.where(packets.kind[came] == AUDIO, slots, 0)
        last[packets.row[came], stream] = came
        self._missing.find(last, slots, packets.arrival, self._generator)

    def due(self, time: float, up: Floats, loss: Floats) -> "Missing":
        """Packets whose requests have come in and are granted; `up` seconds of return path."""
        missing = self._missing
        if not len(missing):
            return missing
        ripe = np.flatnonzero(missing.asked + up[missing.row] <= time)
        if not len(ripe):
            return missing.take(ripe)
        unheard = self._generator.random(len(ripe)) < loss[missing.row[ripe]]
        missing.asked[ripe[unheard]] += missing.again[ripe[unheard]]
        ripe = ripe[~unheard]
        granted = ripe[self._grant(missing.row[ripe], missing.size[ripe])]
        refused = np.setdiff1d(ripe, granted)
        missing.asked[refused] += missing.again[refused]
        answered = missing.take(granted)
        missing.tries[ripe] += 1
        hopeless = missing.tries >= _TRIES
        keep = np.ones(len(missing), dtype=bool)
        keep[granted] = False
        dropped = hopeless & keep
        if dropped.any():
            self.given_up.append(missing.take(dropped))
        self._missing = missing.take(keep & ~hopeless)
        return answered

    def forget(self, row: int, slot: int, before: int) -> None:
        """Frames of a stream before this one are not sent again."""
        missing = self._missing
        gone = (missing.row == row) & (missing.slot == slot) & ~missing.is_audio
        gone &= missing.frame < before
        if gone.any():
            self._missing = missing.take(~gone)

    def _grant(self, row: Ints, size: Ints) -> Bools:
        """Repairs cost half of what else is sent at the most."""
        order = np.argsort(row, kind="stable")
        total = np.cumsum(size[order])
        starts = np.flatnonzero(np.concatenate(([True], row[order][1:] != row[order][:-1])))
        counts = np.diff(np.append(starts, len(row)))
        before = np.repeat(total[starts] - size[order][starts], counts) if len(row) else total
        granted = np.empty(len(row), dtype=bool)
        granted[order] = total - before <= self._budget[row[order]]
        self._budget -= np.bincount(row[granted], size[granted], len(self._budget))
        return granted


class Missing:
    """Columns with one entry per packet that is missing."""

    _NAMES = ("row", "size", "slot", "frame", "is_audio", "sent", "asked", "again", "tries", "at")

    def __init__(self) -> None:
        self.row = self.size = self.slot = self.frame = np.empty(0, dtype=np.int64)
        self.tries = np.empty(0, dtype=np.int64)
        self.at = np.empty(0, dtype=np.int64)
        """Place among the packets of the step in which it was lost; -1 in later ones."""
        self.is_audio = np.empty(0, dtype=bool)
        self.sent = self.again = np.empty(0)
        self.asked = np.empty(0)
        """When the receiver asks, infinite while it knows of nothing."""

    def __len__(self) -> int:
        return len(self.row)

    def take(self, which: Bools | Ints) -> "Missing":
        some = Missing()
        for name in self._NAMES:
            setattr(some, name, getattr(self, name)[which])
        return some

    def add(self, lost: Packets, at: Ints, round_trip: Floats) -> None:
        """What was lost just now. A repair that was lost is asked for again after a round trip."""
        repair = lost.kind == REPAIR
        again = np.maximum(round_trip[lost.row], _SOONEST)
        fresh = {
            "row": lost.row,
            "size": lost.size,
            "slot": np.where(lost.slot >= _AUDIO_SLOT, lost.slot - _AUDIO_SLOT, lost.slot),
            "frame": lost.frame,
            "is_audio": (lost.kind == AUDIO) | (lost.slot >= _AUDIO_SLOT),
            "sent": lost.sent,
            "asked": np.where(repair, lost.sent + again / 2, np.inf),
            "again": again,
            "tries": repair.astype(np.int64),
            "at": at,
        }
        for name in self._NAMES:
            setattr(self, name, np.concatenate([getattr(self, name), fresh[name]]))

    def find(self, last: Ints, slots: int, arrival: Floats, generator: np.random.Generator) -> None:
        """Learns from what arrived last on each stream, (rows, 2 * slots) into `arrival`."""
        newest = last[self.row, self.slot + np.where(self.is_audio, slots, 0)]
        found = ~np.isfinite(self.asked) & (newest > self.at)
        if found.any():
            wait = generator.random(int(found.sum())) * _REACTION
            self.asked[found] = arrival[newest[found]] + wait
        self.at[:] = -1


AUDIO_REPAIR: Final = 1 << 10
_AUDIO_SLOT: Final = AUDIO_REPAIR
"""Added to the slot of a repair that is sound."""
_GRANTED: Final = 0.5
_MOST_BUDGET: Final = 256 * 1024.0
_TRIES: Final = 10
_SOONEST: Final = 0.02
_REACTION: Final = 0.005
"""Seconds until a request is sent, at most."""
