"""Capacity in closed form, against adding it up."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.bench.emulator.capacity import Capacity, Course

STEPS = ((0.0, 1e6), (2.0, 5e5), (3.0, 2e6))


@pytest.mark.parametrize(("now", "value"), [(9.0, 1e6), (10.0, 1e6), (11.99, 1e6), (12.0, 5e5)])
def test_a_value_holds_from_its_step_on(now: float, value: float) -> None:
    assert Course(STEPS, begin=10.0).at(now) == value
    assert Capacity(STEPS, begin=10.0).at(now) == value


def test_a_packet_across_a_step_takes_both_rates() -> None:
    # 0.1 s at 1 Mbit/s, then the other half at half the rate.
    assert Capacity(STEPS).finish(1.9, 200_000) == pytest.approx(2.2)


def test_an_outage_holds_a_packet_until_it_is_over() -> None:
    capacity = Capacity(((0.0, 1e6), (1.0, 0.0), (4.0, 1e6)))
    assert capacity.finish(0.9, 200_000) == pytest.approx(4.1)
    assert Capacity(((0.0, 1e6), (1.0, 0.0))).finish(0.9, 200_000) == math.inf


def test_without_a_limit_nothing_takes_time() -> None:
    assert Capacity(((0.0, math.inf),)).finish(5.0, 12_000) == pytest.approx(5.0, abs=1e-6)


@given(
    st.lists(st.tuples(st.floats(0.01, 10), st.floats(1e3, 1e8)), min_size=1, max_size=6),
    st.floats(-5, 50),
    st.floats(1, 1e6),
)
def test_finish_is_the_inverse_of_bits(
    spans: list[tuple[float, float]], start: float, bits: float
) -> None:
    steps, at = [], 0.0
    for span, rate in spans:
        steps.append((at, rate))
        at += span
    capacity = Capacity(tuple(steps))
    end = capacity.finish(start, bits)
    assert capacity.bits(end) - capacity.bits(start) == pytest.approx(bits, rel=1e-6, abs=1e-3)
