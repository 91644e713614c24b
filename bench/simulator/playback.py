"""What subscribers get to see: frames that are complete, in order, and the pauses between them."""

from typing import Final

import numpy as np

from sfu.bench.simulator.packets import PADDING, Bools, Floats, Ints, Packets
from sfu.bench.simulator.slots import Forwarded


class Playback:
    """Per row and slot the frames that are on their way. A frame is shown when all of it is there
    and what it depends on has been shown; a T2 frame that is late is passed over, anything else is
    waited for until a later keyframe is there; after a second one is asked for.

    A freeze is a pause of max(3 x mean, mean + 150 ms) or more (W3C webrtc-stats freezeCount).
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        wide = (*shape, _FRAMES)
        self._left = np.zeros(wide, dtype=np.int64)
        self._came = np.zeros(wide)
        self._temporal = np.zeros(wide, dtype=np.int8)
        self._key = np.zeros(wide, dtype=bool)
        self._gone = np.zeros(wide, dtype=bool)
        self._newest_key = np.full(shape, -1)
        self._next = np.zeros(shape, dtype=np.int64)
        self._head = np.zeros(shape, dtype=np.int64)
        self._shown_at = np.full(shape, -1.0)
        self._mean = np.full(shape, 1 / 30)
        self._stuck_since = np.full(shape, np.inf)
        self._needs_key = np.zeros(shape, dtype=bool)
        self.frozen = np.zeros(shape)
        """Seconds in freezes."""
        self.freezes = np.zeros(shape, dtype=np.int64)
        self.longest = np.zeros(shape)
        self.shown = np.zeros(shape, dtype=np.int64)
        self.events: list[tuple[float, int, int, float]] = []
        """(when it ended, row, slot, seconds) of each freeze."""

    def expect(self, frames: Forwarded) -> None:
        """Frames that were handed to the pacer."""
        at = (frames.row, frames.slot, frames.number & (_FRAMES - 1))
        self._left[at] = frames.packets
        self._came[at] = 0.0
        self._temporal[at] = frames.temporal
        self._key[at] = frames.key
        self._gone[at] = False
        key = np.flatnonzero(frames.key)
        self._newest_key[frames.row[key], frames.slot[key]] = frames.number[key]
        self._head[frames.row, frames.slot] = frames.number + 1

    def arrive(self, packets: Packets, is_video: Bools) -> None:
        """Packets that left and will arrive, first copies or repairs."""
        which = is_video & np.isfinite(packets.arrival) & (packets.kind != PADDING)
        row, slot, frame = packets.row[which], packets.slot[which], packets.frame[which]
        flat = np.ravel_multi_index((row, slot, frame & (_FRAMES - 1)), self._left.shape)
        np.subtract.at(self._left.reshape(-1), flat, 1)
        np.maximum.at(self._came.reshape(-1), flat, packets.arrival[which])

    def is_key(self, row: int, slot: int, frames: Ints) -> Bools:
        """Which of a slot's latest frames are keyframes."""
        keys: Bools = self._key[row, slot, frames & (_FRAMES - 1)]
        return keys

    def temporal(self, row: int, slot: int, frames: Ints) -> Ints:
        """Temporal layers of a slot's latest frames."""
        layers: Ints = self._temporal[row, slot, frames & (_FRAMES - 1)].astype(np.int64)
        return layers

    def drop(self, row: int, slot: int, frames: Ints) -> None:
        """Frames that the sender leaves out; numbers on the wire show no hole."""
        self._gone[row, slot, frames & (_FRAMES - 1)] = True

    def pause(self, row: Ints, slot: Ints) -> None:
        """The picture was taken away on purpose: what follows is no freeze."""
        self._shown_at[row, slot] = -1.0

    def step(self, time: float) -> tuple[Ints, Ints]:
        """Shows what can be shown by `time`; returns rows and slots that ask for a keyframe."""
        active = self._next < self._head
        for _ in range(_TURNS):
            row, slot = np.nonzero(active)
            if not len(row):
                break
            active[row, slot] = self._advance(row, slot, time)
        stuck = (self._next < self._head) & (time - self._stuck_since > _PATIENCE)
        self._needs_key |= stuck
        self._stuck_since[stuck] = time
        row, slot = np.nonzero(stuck)
        return row, slot

    def _advance(self, row: Ints, slot: Ints, time: float) -> Bools:
        """Takes one frame of each of these; says where there may be more."""
        number = self._next[row, slot]
        behind = self._head[row, slot] - number >= _FRAMES
        at = (row, slot, number & (_FRAMES - 1))
        there = (self._left[at] <= 0) & (self._came[at] <= time) & ~behind
        decodable = ~self._needs_key[row, slot] | self._key[at]
        shown = there & decodable
        self._show(row[shown], slot[shown], self._came[at][shown])
        following = (row, slot, (number + 1) & (_FRAMES - 1))
        next_there = (number + 1 < self._head[row, slot]) & (self._left[following] <= 0)
        next_there &= self._came[following] <= time
        skipped = (self._temporal[at] == 2) & next_there
        # Behind a lost base frame nothing can be shown until a keyframe.
        skipped |= self._needs_key[row, slot] & (~self._key[at] | behind)
        skipped |= behind | self._gone[at] | self._is_behind_a_key(row, slot, number, time)
        done = shown | (skipped & ~shown)
        stuck = ~done & (self._stuck_since[row, slot] == np.inf)
        self._stuck_since[row[stuck], slot[stuck]] = time
        self._stuck_since[row[done], slot[done]] = np.inf
        self._next[row[done], slot[done]] += 1
        more: Bools = done & (self._next[row, slot] < self._head[row, slot])
        return more

    def _is_behind_a_key(self, row: Ints, slot: Ints, number: Ints, time: float) -> Bools:
        """A keyframe that is there needs none of those before it."""
        key = self._newest_key[row, slot]
        at = (row, slot, np.maximum(key, 0) & (_FRAMES - 1))
        there: Bools = (key > number) & (self._left[at] <= 0) & (self._came[at] <= time)
        return there

    def _show(self, row: Ints, slot: Ints, came: Floats) -> None:
        before = self._shown_at[row, slot]
        now = np.maximum(came, before)
        pause = now - before
        counts = before >= 0.0
        mean = self._mean[row, slot]
        frozen = counts & (pause >= np.maximum(3 * mean, mean + 0.15))
        self.freezes[row, slot] += frozen
        self.frozen[row, slot] += np.where(frozen, pause, 0.0)
        most = np.where(frozen, pause, 0.0)
        self.longest[row, slot] = np.maximum(self.longest[row, slot], most)
        for at in np.flatnonzero(frozen):
            event = float(now[at]), int(row[at]), int(slot[at]), float(pause[at])
            self.events.append(event)
        self._mean[row, slot] += np.where(counts, (np.minimum(pause, 0.5) - mean) / 30, 0.0)
        self._shown_at[row, slot] = now
        self._needs_key[row, slot] = False
        self.shown[row, slot] += 1


_FRAMES: Final = 128
"""Frames on their way per slot, a power of two."""
_TURNS: Final = 8
"""Frames shown or passed over per step and slot, at most."""
_PATIENCE: Final = 1.0
"""Seconds without a picture until a keyframe is asked for."""
