"""Queues of all rows against lists."""

import numpy as np

from sfu.bench.simulator.queue import Queue


def test_packets_come_out_as_they_went_in() -> None:
    generator = np.random.default_rng(1)
    queue = Queue(3, 64)
    lists: list[list[tuple[int, int, int]]] = [[], [], []]
    for step in range(300):
        row = np.sort(generator.integers(0, 3, generator.integers(0, 5)))
        size = generator.integers(60, 1200, len(row))
        slot, frame = generator.integers(0, 4, (2, len(row)))
        queue.push(row, size, slot, frame, float(step))
        for at in range(len(row)):
            lists[row[at]].append((size[at], slot[at], frame[at]))
        assert len(queue) == max(len(each) for each in lists)
        assert queue.bytes.tolist() == [sum(size for size, *_ in each) for each in lists]
        if len(queue):
            sizes = queue.sizes(np.arange(3), 3)
            for each, line in zip(lists, sizes.tolist(), strict=True):
                assert [size for size in line if size] == [size for size, *_ in each[:3]]
        count = np.minimum(generator.integers(0, 4, 3), [len(each) for each in lists])
        popped = list(zip(*(part.tolist() for part in queue.pop(count)), strict=True))
        wanted = [(row, *lists[row].pop(0)) for row in range(3) for _ in range(count[row])]
        assert popped == wanted


def test_age_is_that_of_the_oldest() -> None:
    queue = Queue(2, 4)
    one = np.array([1])
    queue.push(one, one, one, one, 1.0)
    queue.push(one, one, one, one, 2.0)
    assert queue.oldest(3.0).tolist() == [0.0, 2.0]
    queue.pop(np.array([0, 1]))
    assert queue.oldest(3.0).tolist() == [0.0, 1.0]


def test_what_overflows_pushes_the_oldest_out() -> None:
    queue = Queue(1, 4)
    zero = np.zeros(6, dtype=np.int64)
    queue.push(zero, np.arange(6) + 100, zero, zero, 0.0)
    assert queue.overflowed == 2
    assert queue.sizes(np.array([0]), 8).tolist() == [[102, 103, 104, 105, 0, 0, 0, 0]]
    assert queue.bytes.tolist() == [102 + 103 + 104 + 105]


def test_what_fits_and_what_is_taken_out() -> None:
    queue = Queue(2, 8)
    row = np.array([0, 0, 0, 1])
    queue.push(row, np.array([300, 400, 500, 600]), row, np.array([0, 1, 1, 1]), 0.0)
    rows = np.array([0, 1])
    for overshoot, counts in ((False, [2, 0]), (True, [3, 1])):
        count, taken = queue.fitting(rows, np.array([800.0, 500.0]), np.array([overshoot] * 2))
        assert count.tolist() == counts
        assert taken.tolist() == [[700.0, 0.0], [1200.0, 600.0]][overshoot]
    queue.remove(0, 0, np.array([1]))
    assert queue.bytes.tolist() == [300, 600]
