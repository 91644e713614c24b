"""The same load against this server and others, in interleaved rounds of one run."""

import asyncio
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from sfu.bench import peers
from sfu.bench.errors import BenchError
from sfu.bench.forward import forward
from sfu.bench.results import Forward
from sfu.bench.room import Progress, prepare
from sfu.bench.shape import Shape

OURS: Final = "sfu"
GOAL_BEST: Final = 2.5
"""CPU per packet of the best other server to ours, one camera and microphone."""
GOAL_BEST_OF_MANY: Final = 3.0
"""The same with several cameras."""
GOAL_JANUS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Which servers, which loads, how often."""

    servers: Sequence[str]
    shapes: Sequence[Shape]
    rounds: int
    seconds: float
    folders: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """One server under one load in one round."""

    server: str
    shape: Shape
    round: int
    result: Forward | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Ratio:
    """Another server's CPU per packet to ours of the same round."""

    median: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """All runs."""

    versions: Mapping[str, str]
    missing: Sequence[str]
    """Why the others were left out."""
    runs: Sequence[Run]

    def results(self, server: str, shape: Shape) -> dict[int, Forward]:
        """By round."""
        return {
            run.round: run.result
            for run in self.runs
            if (run.server, run.shape) == (server, shape) and run.result is not None
        }

    def ratio(self, server: str, shape: Shape) -> Ratio | None:
        """Of the rounds in which both ran."""
        ours, theirs = self.results(OURS, shape), self.results(server, shape)
        ratios = [
            theirs[round].cost_us / ours[round].cost_us
            for round in sorted(ours.keys() & theirs.keys())
        ]
        if not ratios:
            return None
        return Ratio(statistics.median(ratios), min(ratios), max(ratios))

    @property
    def shapes(self) -> list[Shape]:
        """In the order in which they were measured."""
        return list(dict.fromkeys(run.shape for run in self.runs))

    def missed(self) -> list[str]:
        """The goals that were not reached, in words."""
        missed = []
        for shape in self.shapes:
            ratios = {
                server: ratio.median
                for server in self.versions
                if server != OURS and (ratio := self.ratio(server, shape)) is not None
            }
            goal = GOAL_BEST if shape.cameras == 1 else GOAL_BEST_OF_MANY
            if ratios and (least := min(ratios.values())) < goal:
                missed.append(f"{shape}: the best other takes {least:.2f} times ours, not {goal}")
            if (janus := ratios.get("janus", GOAL_JANUS)) < GOAL_JANUS:
                missed.append(f"{shape}: Janus takes {janus:.2f} times ours, not {GOAL_JANUS}")
        return missed

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""
        ratios = [
            {"server": server, "shape": asdict(shape), **asdict(ratio)}
            for shape in self.shapes
            for server in self.versions
            if server != OURS and (ratio := self.ratio(server, shape)) is not None
        ]
        return {**asdict(self), "ratios": ratios, "missed": self.missed()}


def measure(plan: Plan, progress: Progress) -> Comparison:
    """Servers that are not installed are left out, a run that fails is told. Raises BenchError."""
    core, _ = prepare(max(plan.shapes, key=lambda shape: shape.attendees))
    versions: dict[str, str] = {}
    missing = []
    for name in plan.servers:
        try:
            versions[name] = peers.version(name, plan.folders.get(name))
        except peers.MissingPeer as error:
            missing.append(str(error))
    runs = []
    order = list(versions)
    for round in range(plan.rounds):
        for shape in plan.shapes:
            for name in order:

                def tell(what: str, done: float, at: str = f"{round + 1} {name}") -> None:
                    progress(f"{at} {what}", done)

                runs.append(_run(plan, name, shape, round, core, tell))
        # Nobody always comes after the same one.
        order = order[1:] + order[:1]
    return Comparison(versions, missing, runs)


def _run(
    plan: Plan, name: str, shape: Shape, round: int, core: int | None, progress: Progress
) -> Run:
    try:
        with peers.make(name, core, shape, plan.folders.get(name)) as server:
            result = asyncio.run(forward(server, shape, plan.seconds, progress))
    except BenchError as error:
        return Run(name, shape, round, None, str(error))
    return Run(name, shape, round, result)
