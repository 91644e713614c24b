"""The search for the largest number that is served."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.bench.capacity import search


@given(limit=st.integers(0, 5000), first=st.integers(1, 500), most=st.integers(500, 4000))
def test_the_limit_is_found(limit: int, first: int, most: int) -> None:
    tried: list[int] = []

    def serves(attendees: int) -> bool:
        tried.append(attendees)
        return attendees <= limit

    found = search(first, most, 0.1, serves)
    assert len(tried) == len(set(tried)) <= 20
    assert max(tried) <= most
    if limit < first:
        assert found == 0
    else:
        assert found <= min(limit, most)
        assert found * 1.1 + 1 >= min(limit, most)


@pytest.mark.parametrize(("limit", "tries"), [(5000, [250, 500, 1000]), (0, [250])])
def test_it_stops_at_both_ends(limit: int, tries: list[int]) -> None:
    tried: list[int] = []

    def serves(attendees: int) -> bool:
        tried.append(attendees)
        return attendees <= limit

    search(250, 1000, 0.1, serves)
    assert tried == tries
