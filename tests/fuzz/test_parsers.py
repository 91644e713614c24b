"""The parsers in Python take anything: their fuzz targets, with inputs that are nearly right."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.parsers import TARGETS, as_bytes

CUTS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), st.binary(max_size=20)), max_size=4)
"""Places, how much is taken out there, and what is put in instead."""


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_is_read_is_read_or_refused(name: str) -> None:
    target, inputs = TARGETS[name]
    for text in inputs:
        target(as_bytes(text))

    @settings(max_examples=40)
    @given(st.sampled_from([*inputs, ""]), CUTS)
    def mangled(text: str | bytes, cuts: list[tuple[float, int, bytes]]) -> None:
        data = as_bytes(text)
        for place, length, instead in cuts:
            at = int(place * len(data))
            data = data[:at] + instead + data[at + length :]
        target(data)

    mangled()
