"""Pictures that have waited too long in the pacer: from which keyframe on a slot goes on."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from sfu.bench.simulator.packets import Bools, Ints
from sfu.bench.simulator.queue import Queue

STALE_PICTURE: Final = 0.3
"""Seconds after which a picture gives way to a keyframe that waits behind it."""
STALLED: Final = 1.0
"""Seconds after which a keyframe is asked for."""


def stale(
    queue: Queue, row: int, time: float, is_key: Callable[[int, int, Ints], Bools]
) -> Iterator[tuple[int, int | None]]:
    """(slot, the newest keyframe that waits behind what is stale; None without one)."""
    slots, frames, since = queue.entries(row)
    for slot in np.unique(slots).tolist():
        mine = slots == slot
        if time - since[mine][0] <= STALE_PICTURE:
            continue
        waiting = frames[mine]
        keys = waiting[is_key(row, slot, waiting)]
        later = keys[keys > waiting[0]]
        yield slot, int(later[-1]) if len(later) else None
