"""Deltas of many rows, stepped through side by side."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sfu.bandwidth.groups import BLOCK, Groups
from sfu.bandwidth.rows import DELTA


@given(st.lists(st.integers(0, 3 * BLOCK), max_size=12))
def test_every_delta_is_seen_once_and_in_order(counts: list[int]) -> None:
    deltas = np.zeros(sum(counts), dtype=DELTA)
    deltas["arrival_us"] = 1000 * np.arange(len(deltas))
    first = np.cumsum([0, *counts])[:-1].astype(np.int64)
    groups = Groups(first, np.array(counts, dtype=np.int64), deltas)
    seen: list[list[float]] = [[] for _ in counts]
    for block in groups.blocks():
        for place, at in zip(block.place, block.arrival, strict=True):
            seen[groups.order[place]].append(at)
        ends = [seen[row][-1] for row in groups.order[: len(block.counts)]]
        assert block.arrival[block.last].tolist() == ends
        assert np.bincount(block.place).tolist() == block.counts.tolist()
        every = np.arange(len(block.counts))
        assert block.spread(every).tolist() == block.place.tolist()
        assert block.before(block.place, every).tolist() == block.place.tolist()
        begins = block.arrival[block.first] - 1.0
        assert block.before(block.arrival, begins).tolist() == (block.arrival - 1.0).tolist()
        former = [block.arrival[here] - block.arrival[before] for here, before in block.steps]
        assert all((apart == 1.0).all() for apart in former)
    assert [at for row in seen for at in row] == list(range(len(deltas)))


def test_rows_that_claim_more_than_there_is_get_what_there_is() -> None:
    groups = Groups(np.array([0, 2]), np.array([2, 900]), np.zeros(3, dtype=DELTA))
    assert sorted(groups.counts.tolist()) == [1, 2]
