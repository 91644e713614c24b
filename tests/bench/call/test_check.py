"""The simulator's half of the comparison, and how differences are told."""

import pytest
from rich.console import Console

from sfu.bench.call.check import CAMERAS, LARGE_BPS, Pair, scenario, show
from sfu.bench.call.traces import TRACES
from sfu.bench.simulator.measures import mean_rate
from sfu.bench.simulator.run import simulate


def test_the_call_is_simulated_on_the_same_link() -> None:
    short = scenario(TRACES["lossy"]).lasting(6.0)
    assert short.subscribers[0].down is TRACES["lossy"].down
    outcome = simulate([short], 1)
    rate = mean_rate(outcome.column(short.name, "delivered"), 3.0, 6.0)[0]
    # All cameras at their best, more or less, on a link that carries them.
    assert 0.7 * CAMERAS * LARGE_BPS < rate < 1.4 * CAMERAS * LARGE_BPS


def test_a_difference_is_part_of_the_call() -> None:
    pair = Pair("steady", 2e6, (1.7e6, 1.8e6, 2.2e6))
    assert pair.median == 1.8e6
    assert pair.difference == pytest.approx(-0.1)
    assert Pair("steady", 0.0, (1e6,)).difference == float("inf")


def test_what_is_too_far_off_is_no_success() -> None:
    console = Console(record=True, width=120)
    assert show(console, [Pair("steady", 2e6, (1.8e6,))])
    assert not show(console, [Pair("steady", 2e6, (1.8e6,)), Pair("rise", 1e6, (1.3e6,))])
    assert "+30.0%" in console.export_text()
