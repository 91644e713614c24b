"""Identifiers to rows, against a dictionary."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sfu.bandwidth.index import Index

IDS = st.integers(0, 2**32 - 1)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=60), st.lists(IDS))
def test_agrees_with_a_dictionary(steps: list[tuple[bool, int]], others: list[int]) -> None:
    index, known = Index(2), dict[int, int]()
    for add, transport in steps:
        if add and transport not in known:
            if index.full():
                index.grow(2 * index.capacity)
            known[transport] = index.add(transport)
        elif not add:
            assert index.remove(transport) == known.pop(transport, None)
        assert len(set(known.values())) == len(known) == len(index)
    asked = np.array([*range(10), *others], dtype=np.int64)
    assert index.rows_of(asked).tolist() == [known.get(each, -1) for each in asked.tolist()]


def test_rows_are_used_again_lowest_first() -> None:
    index = Index(4)
    assert [index.add(each) for each in (70, 80, 90)] == [0, 1, 2]
    index.remove(80)
    assert index.add(5) == 1
