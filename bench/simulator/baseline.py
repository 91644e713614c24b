"""B15: what the improvements over plain goog_cc bring, on the same scenarios and seeds."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from sfu.bench.simulator.measures import wait_of
from sfu.bench.simulator.outcome import Finding, Outcome
from sfu.bench.simulator.packets import Floats
from sfu.bench.simulator.scenario import Scenario
from sfu.bench.simulator.scenarios import events, recorded, steps, variable

GROUPS: Final = (steps, variable, events)
"""Links and sources that change: where a controller shows what it can."""
RECORDED: Final = (recorded,)
"""Links of mobile networks: told apart."""


def scenarios(chosen: list[Scenario]) -> list[Scenario]:
    """Those of the chosen ones that the comparison is made on."""
    names = {each.name for make in GROUPS + RECORDED for each in make()}
    return [each for each in chosen if each.name in names]


def compare(outcome: Outcome, baseline: Outcome) -> Iterator[Finding]:
    """One value per seed, over all scenarios of a kind that both have run."""
    for kind, groups in (("", GROUPS), ("recorded: ", RECORDED)):
        of_kind = {each.name for make in groups for each in make()}
        names = [name for name in baseline.names() if name in outcome and name in of_kind]
        if names:
            yield from _compare(outcome, baseline, names, kind)


def _compare(outcome: Outcome, baseline: Outcome, names: list[str], kind: str) -> Iterator[Finding]:
    ours, theirs = (_delivered(each, names) for each in (outcome, baseline))
    more = ours / theirs - 1
    yield Finding("B15", f"{kind}delivered, against goog_cc's", more, 0.15, True, "")
    ours, theirs = (_frozen(each, names) for each in (outcome, baseline))
    fewer = 1 - ours / np.maximum(theirs, 1e-9)
    yield Finding("B15", f"{kind}fewer seconds frozen", fewer, 0.60, True, "")
    later = _wait(outcome, names) - _wait(baseline, names)
    yield Finding("B15", f"{kind}p95 wait beyond goog_cc's", later, 0.0)


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
