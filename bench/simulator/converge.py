"""`sfu bench converge`: scenarios, the bars that they show, a comparison, plots."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sfu.bandwidth.tuning import CORE
from sfu.bench.simulator import baseline
from sfu.bench.simulator.cpu import cost
from sfu.bench.simulator.outcome import Finding, Outcome
from sfu.bench.simulator.plots import draw, pyplot
from sfu.bench.simulator.run import Progress, choose, judge, simulate


@dataclass(frozen=True, slots=True)
class Plan:
    """What to simulate, and what to make of it."""

    names: Sequence[str] = ()
    """Beginnings of names of scenarios, or groups of them; all without any."""
    seeds: int = 10
    seconds: float = float("inf")
    """No scenario longer than this."""
    compare: bool = True
    """Run plain goog_cc as well, for B15."""
    cpu: bool = True
    """Time ticks, for B16."""
    plots: Path | None = None
    """Folder for a PNG of each scenario."""


def converge(plan: Plan, progress: Progress) -> tuple[list[Finding], Outcome]:
    """Runs the plan; raises UnknownScenario and MissingMatplotlib before anything runs."""
    scenarios = choose(plan.names, plan.seconds)
    if plan.plots is not None:
        pyplot()
        plan.plots.mkdir(parents=True, exist_ok=True)
    against = baseline.scenarios(scenarios) if plan.compare else []
    part = 1.0 if not against else _share(len(scenarios), len(against))
    outcome = simulate(scenarios, plan.seeds, lambda name, done: progress(name, part * done))
    findings = judge(outcome)
    if against:
        other = simulate(
            against,
            plan.seeds,
            lambda name, done: progress(f"goog_cc: {name}", part + (1 - part) * done),
            CORE,
        )
        findings += baseline.compare(outcome, other)
    if plan.cpu:
        findings += cost()
    if plan.plots is not None:
        for name in outcome.names():
            draw(outcome, name, plan.plots / f"{file_name(name)}.png")
    return findings, outcome


def file_name(name: str) -> str:
    """A scenario's name without what file systems do not like."""
    return "-".join(
        "".join(each if each.isalnum() or each == "." else " " for each in name).split()
    )


def _share(all_: int, against: int) -> float:
    return all_ / (all_ + against)
