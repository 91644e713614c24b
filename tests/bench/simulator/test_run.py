"""Choosing scenarios and running them together."""

import pytest

from sfu.bench.simulator.run import UnknownScenario, choose, simulate
from sfu.bench.simulator.simulation import Simulation


def test_scenarios_are_chosen_by_name_and_group() -> None:
    everything = choose()
    assert len(everything) > 30
    assert "room" not in {each.name for each in everything}
    assert len(choose(["room"])[0].subscribers) == 1_000
    assert [each.name for each in choose(["drop"])] == ["drop", "drop, elastic"]
    assert {each.name for each in choose(["pause", "5.8"])} == {"pause", "5.8 pause"}
    assert max(each.seconds for each in choose(most=30.0)) == 30.0
    with pytest.raises(UnknownScenario, match="nonsense"):
        choose(["drop", "nonsense"])


def test_all_rows_are_there_and_progress_is_told() -> None:
    told: list[float] = []
    scenarios = choose(["5.4", "startup 1.5M"], 2.0)
    outcome = simulate(scenarios, 2, lambda name, done: told.append(done))
    assert outcome.rows("5.4 fairness").shape == (2, 3)
    assert outcome.rows("startup 1.5M").shape == (2, 1)
    assert set(outcome.names()) == {"5.4 fairness", "startup 1.5M"}
    assert told == sorted(told)
    assert told[0] >= 0.0
    assert told[-1] < 1.0


def test_the_same_seeds_give_the_same_result() -> None:
    scenarios = choose(["drop"], 1.0)
    first, second = (simulate(scenarios, 2).column("drop", "sent") for _ in range(2))
    assert (first == second).all()
    assert (first[:, 0] != first[:, 1]).any()


def test_bytes_are_conserved() -> None:
    """What left is what arrived, was dropped at the queue, or is on its way."""
    simulation = Simulation(choose(["back"], 17.0), 1)
    simulation.run()
    measures = simulation.measures
    arrived = measures.delivered.sum(axis=0)
    useful = (measures.sent - measures.padding).sum(axis=0)
    lost = measures.lost > 0
    assert lost.any()
    # Padding may be among what was lost.
    assert (arrived <= useful).all()
    assert (arrived >= useful * (1 - measures.loss()) * 0.97).all()
    assert measures.lost.sum() == simulation.links.dropped.sum()
