"""Packets of one step of the simulation, as columns."""

from dataclasses import dataclass, field, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

STEP: Final = 0.005
"""Seconds of one step."""
OVERHEAD: Final = 28
"""Bytes of UDP and IPv4 headers, which the link carries and the plane does not count."""
PAYLOAD: Final = 1150
"""Most bytes of a frame in one packet."""
HEADERS: Final = 40
"""RTP with extensions and SRTP tag: what a packet has besides its payload."""
AUDIO: Final = 0
REPAIR: Final = 1
VIDEO: Final = 2
PADDING: Final = 3
CROSS: Final = 4
"""Of other senders on the same link."""


def _ints() -> Ints:
    return np.empty(0, dtype=np.int64)


def _floats() -> Floats:
    return np.empty(0)


@dataclass(slots=True)
class Packets:
    """Columns with one entry per packet, in the order of sending within each row."""

    row: Ints = field(default_factory=_ints)
    """Subscriber, or flow for cross traffic."""
    size: Ints = field(default_factory=_ints)
    """Bytes as the plane counts them: RTP and SRTP, without UDP and IP."""
    kind: Ints = field(default_factory=_ints)
    slot: Ints = field(default_factory=_ints)
    frame: Ints = field(default_factory=_ints)
    """Which frame of the slot (video) or which packet (audio); -1 for padding."""
    sent: Floats = field(default_factory=_floats)
    probe: Ints = field(default_factory=_ints)
    """Cluster that it is counted into, 0 for none."""
    arrival: Floats = field(default_factory=_floats)
    """At the receiver; infinite when lost."""
    wait: Floats = field(default_factory=_floats)
    """Seconds in the queue of the link and on its wire."""

    def __len__(self) -> int:
        return len(self.row)

    def take(self, which: Any) -> "Packets":
        """Some of them, by mask or index."""
        return Packets(*(getattr(self, each.name)[which] for each in fields(self)))


def first_of_runs(keys: Ints) -> tuple[Ints, Ints]:
    """Where runs of equal keys begin, and the place of each entry within its run."""
    if not len(keys):
        return keys, keys
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    counts = np.diff(np.append(starts, len(keys)))
    return starts, np.arange(len(keys)) - np.repeat(starts, counts)
