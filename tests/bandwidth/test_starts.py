"""What is believed of a path at first: on faith, by the neighbours' word, by that of all here."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.bandwidth.rows import Floats
from sfu.bandwidth.staircase import Demand, Layer, Staircase, staircase
from sfu.bandwidth.starts import ENOUGH, FORGET_AFTER, START, Starts, network

SIMULCAST = (Layer(150_000, 180), Layer(500_000, 360), Layer(1_500_000, 720))
HERE = "192.0.2.7:5000"


def stairs(*cameras: tuple[Layer, ...]) -> Staircase:
    demands = [Demand(f"seat-{number}", layers) for number, layers in enumerate(cameras)]
    return staircase(demands, audio=64_000, ceiling=20_000_000)


def carried(bps: float, count: int = ENOUGH) -> Floats:
    return np.full(count, bps)


@pytest.mark.parametrize(
    ("cameras", "expected"),
    [
        ([], START),
        ([SIMULCAST], START),
        ([(Layer(1_200_000, 720),)], pytest.approx(1.05 * 1_300_000)),
        ([(Layer(1_500_000, 720),), (Layer(900_000, 720),)], pytest.approx(1.05 * 991_000)),
        ([(Layer(2_500_000, 720),)], START),
    ],
)
def test_the_cheapest_picture_is_shown_on_faith(
    cameras: list[tuple[Layer, ...]], expected: float
) -> None:
    assert Starts(9).start(stairs(*cameras), HERE, 0.0) == expected


def test_neighbours_have_been_carried_as_much() -> None:
    starts, four = Starts(9), stairs(*4 * [SIMULCAST])
    starts.learn("192.0.2.99:1", 800_000, 0.0)
    assert starts.start(four, HERE, 1.0) == pytest.approx(0.7 * 800_000)
    assert starts.start(four, "192.0.3.7:5000", 1.0) == START
    assert starts.start(four, None, 1.0) == START
    assert starts.start(four, HERE, FORGET_AFTER + 1) == START
    starts.learn(HERE, 1e9, 2.0)
    bases = float(four.cumulative[four.bases])
    assert starts.start(four, HERE, 3.0) == pytest.approx(1.05 * bases)


def test_one_bad_path_is_not_the_whole_network() -> None:
    starts, four = Starts(9), stairs(*4 * [SIMULCAST])
    for bps in (1_000_000, 1_000_000, 100_000):
        starts.learn(HERE, bps, 0.0)
    assert starts.start(four, HERE, 0.0) == pytest.approx(0.7 * 730_000)


def test_most_of_those_here_have_been_carried_as_much() -> None:
    starts, four = Starts(0), stairs(*4 * [SIMULCAST])
    assert starts.wants_news(0.0)
    starts.look(carried(900_000, ENOUGH - 1), 0.0)
    assert not starts.wants_news(0.5)
    assert starts.start(four, HERE, 0.5) == START
    starts.look(np.append(carried(900_000), [100_000, 200_000]), 1.0)
    assert starts.start(four, HERE, 1.5) == pytest.approx(0.7 * 900_000)
    starts.look(np.append(carried(900_000), carried(100_000)), 2.0)
    assert starts.start(four, HERE, 2.5) == START


@pytest.mark.parametrize("most", [0, 3])
def test_the_memory_is_bounded(most: int) -> None:
    starts, four = Starts(most), stairs(*4 * [SIMULCAST])
    for number in range(10):
        starts.learn(f"10.0.{number}.1:1", 800_000, 0.0)
    assert len(starts) == most
    assert (starts.start(four, "10.0.9.5:1", 0.0) > START) is (most > 0)
    assert starts.start(four, "10.0.0.5:1", 0.0) == START


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7:5000", "192.0.2.0/24"),
        ("[::ffff:192.0.2.7]:5000", "192.0.2.0/24"),
        ("[2001:db8:1:234::1]:5000", "2001:db8:1:200::/56"),
        ("somewhere:1", None),
        ("", None),
        (None, None),
    ],
)
def test_networks(address: str | None, expected: str | None) -> None:
    assert network(address) == expected


@given(st.lists(st.integers(1, 4_000_000), max_size=5), st.floats(0, 1e10), st.floats(0, 1e10))
def test_a_start_is_within_bounds(bps: list[int], here: float, before: float) -> None:
    starts = Starts(2)
    starts.look(carried(here), 0.0)
    starts.learn(HERE, before, 0.0)
    found = stairs(*[(Layer(each, 360),) for each in bps])
    most = max(
        START,
        1.05 * float(found.cumulative[found.bases]),
        1.05 * float(found.cumulative[1]) if bps else 0,
    )
    assert START <= starts.start(found, HERE, 0.0) <= most + 1e-6
