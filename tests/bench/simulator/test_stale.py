"""Which pictures give way to a keyframe that waits behind them."""

import numpy as np

from sfu.bench.simulator.packets import Ints
from sfu.bench.simulator.queue import Queue
from sfu.bench.simulator.stale import stale


def is_key(row: int, slot: int, frames: Ints) -> np.ndarray:
    return np.isin(frames, (4, 7)) & (slot == 0)


def push(queue: Queue, slot: int, frames: list[int], time: float) -> None:
    count = len(frames)
    zero = np.zeros(count, dtype=np.int64)
    queue.push(zero, zero + 1000, zero + slot, np.array(frames), time)


def test_a_slot_goes_on_with_its_newest_keyframe() -> None:
    queue = Queue(1, 64)
    push(queue, 0, [3, 3, 4, 5], 0.0)
    push(queue, 1, [8, 9], 0.0)
    push(queue, 0, [7, 7, 8], 0.2)
    assert list(stale(queue, 0, 0.25, is_key)) == []
    assert list(stale(queue, 0, 0.31, is_key)) == [(0, 7), (1, None)]
    assert queue.remove(0, 0, 7).tolist() == [3, 4, 5]
    slots, frames, _ = queue.entries(0)
    assert slots.tolist() == [1, 1, 0, 0, 0]
    assert frames.tolist() == [8, 9, 7, 7, 8]
    assert queue.bytes.tolist() == [5000]
    assert list(stale(queue, 0, 0.31, is_key)) == [(1, None)]
