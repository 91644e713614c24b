"""B15: what the improvements over plain goog_cc bring, on the same scenarios and seeds."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from sfu.bench.simulator.measures import wait_of
from sfu.bench.simulator.outcome import Finding, Outcome
from sfu.bench.simulator.packets import Floats
from sfu.bench.simulator.scenario import Scenario
from sfu.bench.simulator.scenarios import events, steps, variable

GROUPS: Final = (steps, variable, events)
"""Links and sources that change: where a controller shows what it can."""


def scenarios(chosen: list[Scenario]) -> list[Scenario]:
    """Those of the chosen ones that the comparison is made on."""
    names = {each.name for make in GROUPS for each in make()}
    return [each for each in chosen if each.name in names]


def compare(outcome: Outcome, baseline: Outcome) -> Iterator[Finding]:
    """One value per seed, over all scenarios that both have run."""
    names = [name for name in baseline.names() if name in outcome]
    if not names:
        return
    ours, theirs = (_delivered(each, names) for each in (outcome, baseline))
    yield Finding("B15", "delivered, against goog_cc's", ours / theirs - 1, 0.15, True, "")
    ours, theirs = (_frozen(each, names) for each in (outcome, baseline))
    fewer = 1 - ours / np.maximum(theirs, 1e-9)
    yield Finding("B15", "fewer seconds frozen", fewer, 0.60, True, "")
    later = _wait(outcome, names) - _wait(baseline, names)
    yield Finding("B15", "p95 wait beyond goog_cc's", later, 0.0)


def _delivered(outcome: Outcome, names: list[str]) -> Floats:
    """Bytes per seed."""
    per_row = {name: outcome.column(name, "delivered").sum(axis=0) for name in names}
    return _by_seed(outcome, per_row)


def _frozen(outcome: Outcome, names: list[str]) -> Floats:
    """Seconds per seed."""
    return _by_seed(outcome, {name: outcome.frozen(name) for name in names})


def _by_seed(outcome: Outcome, per_row: dict[str, Floats]) -> Floats:
    shaped = [values.reshape(outcome.rows(name).shape) for name, values in per_row.items()]
    total: Floats = np.sum([each.sum(axis=1) for each in shaped], axis=0)
    return total


def _wait(outcome: Outcome, names: list[str]) -> Floats:
    """Seconds that 95 % of a seed's packets wait at most."""
    waits = [outcome.measures(name).waits[outcome.rows(name)].sum(axis=1) for name in names]
    return wait_of(np.sum(waits, axis=0), 0.95)
