"""The scenarios are what they say."""

import pytest

from sfu.bench.simulator.media import wire_rate
from sfu.bench.simulator.scenario import Scenario, capacity_at, stairs
from sfu.bench.simulator.scenarios import GROUPS, PROFILES, Profile, fairness, variable

ALL = [each for make in GROUPS.values() for each in make()]


def test_names_are_unique() -> None:
    names = [each.name for each in ALL]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.name)
def test_all_can_be_built(scenario: Scenario) -> None:
    for subscriber in scenario.subscribers:
        assert all(0 <= view.source < len(scenario.sources) for view in subscriber.views)
        assert capacity_at(subscriber, scenario.seconds) > 0
        assert bool(subscriber.elastic) or stairs(subscriber, scenario.sources, 0.0) is not None
    assert all(at < scenario.seconds for at in scenario.disturbed)


def test_capacities_of_rfc_8867() -> None:
    first = variable()[0]
    at = [capacity_at(first.subscribers[0], time) for time in (0, 40, 60, 80)]
    assert at == [1e6, 2.5e6, 0.6e6, 1e6]
    delays = [each.down.delay[0][1] for each in fairness()[1].subscribers]
    assert delays == [0.01, 0.025, 0.05, 0.1, 0.15]
    assert len({each.link for each in fairness()[1].subscribers}) == 1


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: str(profile[0]))
def test_profiles_fit_their_budgets_in_full(profile: Profile) -> None:
    name, budget, audio, sources = profile
    total = sum(wire_rate(source.layers[-1], source.fps) for source in sources) * 1.03
    assert total + audio * 64_000 <= budget, name
