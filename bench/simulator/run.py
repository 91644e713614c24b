"""Scenarios and seeds together, in as few simulations as their lengths allow."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from sfu.bandwidth.tuning import Tuning
from sfu.bench.simulator.bars import BARS
from sfu.bench.simulator.outcome import Finding, Outcome
from sfu.bench.simulator.scenario import Scenario
from sfu.bench.simulator.scenarios import ASKED_FOR, GROUPS
from sfu.bench.simulator.simulation import Simulation

Progress = Callable[[str, float], None]

_LENGTHS = 60.0, 125.0, 300.0


class UnknownScenario(ValueError):
    """No scenario or group has that name."""


def choose(names: Iterable[str] = (), most: float = float("inf")) -> list[Scenario]:
    """Scenarios whose name or group begins with one of the names, without any all but those of
    ASKED_FOR; none longer than `most` seconds."""
    chosen: dict[str, Scenario] = {}
    unknown = set(names)
    for group, make in GROUPS.items():
        for each in make():
            hits = {name for name in names if each.name.startswith(name) or group == name}
            unknown -= hits
            if hits or not (names or group in ASKED_FOR):
                chosen[each.name] = replace(each, seconds=min(each.seconds, most))
    if unknown:
        known = ", ".join(GROUPS)
        raise UnknownScenario(f"no scenario begins with {min(unknown)!r}; groups are {known}")
    return list(chosen.values())


def simulate(
    scenarios: Sequence[Scenario],
    seeds: int,
    progress: Progress | None = None,
    tuning: Tuning | None = None,
) -> Outcome:
    """Runs all of them; `progress` is told what runs and which part of all is done."""
    batches = [batch for batch in _batches(scenarios) if batch]
    total = sum(batch[0].seconds * _weight(batch, seeds) for batch in batches)
    simulations, done = [], 0.0
    for batch in batches:
        name = f"{batch[0].seconds:.0f} s of {len(batch)} scenarios"
        part = batch[0].seconds * _weight(batch, seeds) / total

        def tell(inside: float, name: str = name, done: float = done, part: float = part) -> None:
            if progress is not None:
                progress(name, done + inside * part)

        simulation = Simulation(batch, seeds, tuning)
        simulation.run(tell)
        simulations.append(simulation)
        done += part
    return Outcome(simulations)


def judge(outcome: Outcome) -> list[Finding]:
    """All bars that the scenarios which have run can show."""
    return [finding for bar in BARS for finding in bar(outcome)]


def _batches(scenarios: Sequence[Scenario]) -> list[list[Scenario]]:
    """By length, the longest of each first."""
    bounds = (0.0, *_LENGTHS, float("inf"))
    ordered = sorted(scenarios, key=lambda each: -each.seconds)
    return [
        [each for each in ordered if low < each.seconds <= high] for low, high in pairwise(bounds)
    ]


def _weight(batch: Sequence[Scenario], seeds: int) -> float:
    """What a simulated second costs, about."""
    rows = seeds * sum(len(each.subscribers) for each in batch)
    return 1.0 + rows / 150
