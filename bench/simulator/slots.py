"""What subscribers see: which layers of which sources pass, as the plane selects them."""

from collections.abc import Sequence

import numpy as np

from sfu.bench.simulator.media import Frames, Sources
from sfu.bench.simulator.packets import HEADERS, PAYLOAD, Floats, Ints
from sfu.receiver import Descent


class Slots:
    """Per row and slot: the source, the layers wanted and those that pass; -1 for none.

    A spatial layer begins with a keyframe, and the one before it goes on until then, unless it is
    ended; temporal layers fall at once and rise with the next base frame; a pause is at once. What
    is not to pass any more does not leave the pacer either.
    """

    def __init__(self, sources: Sequence[Sequence[int]]) -> None:
        """`sources` of each row, by index."""
        width = max((len(each) for each in sources), default=0)
        self.source = np.full((len(sources), max(width, 1)), -1)
        for row, each in enumerate(sources):
            self.source[row, : len(each)] = each
        shape = self.source.shape
        self.target_spatial = np.full(shape, -1)
        self.target_temporal = np.full(shape, 2)
        self.spatial = np.full(shape, -1)
        self.temporal = np.full(shape, 2)
        self.frames = np.zeros(shape, dtype=np.int64)
        """Frames that have passed so far, so the number of the next."""
        self.switches = np.zeros(shape, dtype=np.int64)
        """Changes of the spatial layer, the first one included."""
        self._slowed = np.zeros(shape, dtype=bool)
        """Until a lower layer has come, the higher one goes on with as few frames as it can."""
        self.left_out: list[tuple[int, int, int]] = []
        """Row, slot and temporal layer above which frames of what passed before do not pass any
        more, -1 for none, since this was last emptied."""
        self.switched: list[tuple[int, int, int, bool, bool]] = []
        """Row, slot and frame of keyframes that begin a layer, of those that `forward` gave last,
        whether it is lower than the one before, of which nothing leaves any more then, and whether
        that one had ended."""
        self.row, self.slot = np.nonzero(self.source >= 0)
        self.of = self.source[self.row, self.slot]
        """Pairs of rows and slots that have a source, and the source, in order of row."""

    def set_target(
        self,
        row: Ints,
        slot: Ints,
        spatial: Ints,
        temporal: Ints,
        *,
        descent: Descent = Descent.AS_IT_WAS,
    ) -> None:
        """The highest layers that may pass; a spatial layer of -1 pauses. `descent` is how a higher
        layer ends."""
        self.target_spatial[row, slot] = spatial
        self.target_temporal[row, slot] = temporal
        descends = (self.spatial[row, slot] > spatial) & (spatial >= 0)
        self._slowed[row, slot] = descends & (descent is Descent.SLOWED)
        now = np.where(self._slowed[row, slot], 0, temporal)
        down = self.temporal[row, slot] > now
        self.temporal[row[down], slot[down]] = now[down]
        ended = (spatial < 0) | (descends & (descent is Descent.AT_ONCE))
        self.spatial[row[ended], slot[ended]] = -1
        most = np.where(ended, -1, now)
        some = down | ended
        self.left_out += zip(
            row[some].tolist(), slot[some].tolist(), most[some].tolist(), strict=True
        )

    def ask(self, sources: Sources) -> None:
        """Requests the keyframes that switches wait for."""
        wanted = self.target_spatial[self.row, self.slot]
        waits = (wanted >= 0) & (wanted != self.spatial[self.row, self.slot])
        if waits.any():
            sources.want(self.of[waits], wanted[waits])

    def forward(self, frames: Frames) -> "Forwarded":
        """The frames that pass, in order of row."""
        at = np.full(int(self.of.max(initial=-1)) + 2, -1)
        mine = frames.source < len(at) - 1
        at[frames.source[mine]] = np.flatnonzero(mine)
        pairs = np.flatnonzero(at[self.of] >= 0)
        row, slot, index = self.row[pairs], self.slot[pairs], at[self.of[pairs]]
        target = self.target_spatial[row, slot]
        now = self.spatial[row, slot]
        switch = (target >= 0) & (target != now) & frames.key[index, np.maximum(target, 0)]
        layer = np.where(switch, target, now)
        self.spatial[row, slot] = layer
        self.switches[row, slot] += switch
        # The plane is told of the other temporal layers when it has switched.
        slowed = self._slowed[row, slot]
        self._slowed[row, slot] = slowed & ~switch
        rises = (switch | (frames.temporal[index] == 0)) & ~slowed
        temporal = np.where(rises, self.target_temporal[row, slot], self.temporal[row, slot])
        self.temporal[row, slot] = temporal
        key = frames.key[index, np.maximum(layer, 0)] & (layer >= 0)
        size = np.where(layer >= 0, frames.size[index, np.maximum(layer, 0)], 0)
        passes = (size > 0) & (key | (frames.temporal[index] <= temporal))
        row, slot = row[passes], slot[passes]
        number = self.frames[row, slot]
        self.frames[row, slot] += 1
        begun = np.flatnonzero((switch & passes)[passes])
        falls, ended = (target < now)[passes], (now < 0)[passes]
        self.switched = list(
            zip(
                row[begun].tolist(),
                slot[begun].tolist(),
                number[begun].tolist(),
                falls[begun].tolist(),
                ended[begun].tolist(),
                strict=True,
            )
        )
        return Forwarded(
            row, slot, number, size[passes], frames.temporal[index[passes]], key[passes]
        )


class Forwarded:
    """Frames on their way to subscribers, one entry each."""

    def __init__(
        self, row: Ints, slot: Ints, number: Ints, size: Ints, temporal: Ints, key: Ints
    ) -> None:
        self.row, self.slot, self.number = row, slot, number
        self.size, self.temporal, self.key = size, temporal, key
        self.packets: Ints = -(-size // PAYLOAD)

    def packetise(self) -> tuple[Ints, Ints]:
        """(index into the frames, bytes) of each packet, frames in order, sizes as equal as can."""
        index = np.repeat(np.arange(len(self.row)), self.packets)
        each: Floats = np.ceil(self.size / np.maximum(self.packets, 1))
        return index, (each.astype(np.int64) + HEADERS)[index]
