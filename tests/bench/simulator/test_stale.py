"""Which pictures give way to a keyframe that waits behind them."""

import numpy as np

from sfu.bench.simulator.packets import Ints
from sfu.bench.simulator.pictures import Pictures
from sfu.bench.simulator.stale import stale


def is_key(row: int, slot: int, frames: Ints) -> np.ndarray:
    return np.isin(frames, (4, 7)) & (slot == 0)


def push(pictures: Pictures, slot: int, frames: list[int], time: float) -> None:
    zero = np.zeros(len(frames), dtype=np.int64)
    pictures.push(zero, zero + 1000, zero + slot, np.array(frames), time)


def test_a_slot_goes_on_with_its_newest_keyframe() -> None:
    pictures = Pictures(np.ones((1, 3), dtype=np.int64))
    push(pictures, 0, [3, 3, 4, 5], 0.0)
    push(pictures, 1, [8, 9], 0.0)
    push(pictures, 0, [7, 7, 8], 0.2)
    assert list(stale(pictures, 0, 3, 0.25, is_key)) == []
    assert list(stale(pictures, 0, 3, 0.31, is_key)) == [(0, 7), (1, None)]
    pictures.leave_out(0, 0, np.array([3, 4, 5]))
    assert pictures.entries(0, 0)[0].tolist() == [7, 7, 8]
    assert pictures.bytes.tolist() == [5000]
    assert list(stale(pictures, 0, 3, 0.31, is_key)) == [(1, None)]
