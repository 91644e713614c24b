"""The comparison with plain goog_cc: on what, and how it is reckoned."""

import copy

import numpy as np
import pytest

from sfu.bench.simulator.baseline import compare, scenarios
from sfu.bench.simulator.outcome import Outcome
from sfu.bench.simulator.run import choose, simulate


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    """Of two seeds, for long enough to tell them apart."""
    return simulate(choose(["drop"], 3.0), 2)


def test_only_what_changes_is_compared() -> None:
    names = {each.name for each in scenarios(choose())}
    assert "drop" in names
    assert "outage" in names
    assert "3g-uneven" in names
    assert "5.1 variable" in names
    assert "steady" not in names


def test_the_same_against_itself_is_no_better(outcome: Outcome) -> None:
    delivered, _, later = compare(outcome, outcome)
    assert delivered.values.tolist() == [0.0, 0.0]
    assert later.values.tolist() == [0.0, 0.0]


def test_recorded_links_are_told_apart() -> None:
    outcome = simulate(choose(["drop", "4g-tram"], 0.5), 1)
    measures = [each.measure for each in compare(outcome, outcome)]
    assert len(measures) == 6
    assert measures[3] == f"recorded: {measures[0]}"


def test_more_is_better(outcome: Outcome) -> None:
    theirs = copy.deepcopy(outcome)
    theirs.measures("drop").delivered /= 2
    delivered, *_ = compare(outcome, theirs)
    assert np.allclose(delivered.values, 1.0)
