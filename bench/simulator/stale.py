"""Pictures that have waited too long in the pacer: from which keyframe on a slot goes on."""

from collections.abc import Callable, Iterator
from typing import Final

from sfu.bench.simulator.packets import Bools, Ints
from sfu.bench.simulator.pictures import Pictures

STALE_PICTURE: Final = 0.3
"""Seconds after which a picture gives way to a keyframe that waits behind it."""
STALLED: Final = 1.0
"""Seconds after which a keyframe is asked for."""


def stale(
    pictures: Pictures,
    row: int,
    slots: int,
    time: float,
    is_key: Callable[[int, int, Ints], Bools],
) -> Iterator[tuple[int, int | None]]:
    """(slot, the newest keyframe that waits behind what is stale; None without one)."""
    for slot in range(slots):
        waiting, since = pictures.entries(row, slot)
        if not len(waiting) or time - since[0] <= STALE_PICTURE:
            continue
        keys = waiting[is_key(row, slot, waiting)]
        later = keys[keys > waiting[0]]
        yield slot, int(later[-1]) if len(later) else None
