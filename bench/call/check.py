"""The simulator against reality: the same links, the same cameras, once simulated, once called."""

import asyncio
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from rich.console import Console
from rich.table import Table

from sfu.bench.call.film import FPS
from sfu.bench.call.run import Plan, run
from sfu.bench.call.traces import TRACES
from sfu.bench.simulator.measures import mean_rate
from sfu.bench.simulator.media import Source
from sfu.bench.simulator.run import simulate
from sfu.bench.simulator.scenario import SPEAKER_PRIORITY, Scenario, Subscriber, View
from sfu.bench.trace import Trace

CAMERAS: Final = 3
SMALL_BPS: Final = 200_000
"""Of the small layer of a camera of the browser client in SD."""
LARGE_BPS: Final = 700_000
BEGIN: Final = 5.0
"""Seconds that are left out: a browser joins in its own time."""
SEEDS: Final = 5
TOLERANCE: Final = 0.15

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Pair:
    """One link: mean rates of media that arrived, bit/s with all headers."""

    trace: str
    called: float
    simulated: tuple[float, ...]
    """One per seed."""

    @property
    def median(self) -> float:
        """Of the simulations."""
        return float(np.median(self.simulated))

    @property
    def difference(self) -> float:
        """Of the simulation to the call, as a part of the call."""
        return self.median / self.called - 1 if self.called else math.inf


def check(progress: Progress) -> Iterator[Pair]:
    """Runs all traces, calls first; gives each pair as soon as it is there."""
    simulated = simulate([scenario(trace) for trace in TRACES.values()], SEEDS, progress)
    for trace in TRACES.values():
        rates = mean_rate(simulated.column(trace.name, "delivered"), BEGIN, trace.seconds)
        plan = Plan(trace, CAMERAS, screen=False, camera_bps=LARGE_BPS, settle=False)
        timeline = asyncio.run(run(plan, partial(_tell, progress, trace.name)))
        called = timeline.media_bps(BEGIN, trace.seconds)
        yield Pair(trace.name, called, tuple(map(float, rates)))


def _tell(progress: Progress, link: str, name: str, done: float) -> None:
    progress(f"{link}: {name}", done)


def scenario(trace: Trace) -> Scenario:
    """The call as the simulator has it: who speaks comes first."""
    cameras = tuple(Source(layers=(SMALL_BPS, LARGE_BPS), fps=FPS) for _ in range(CAMERAS))
    views = tuple(View(number, 0 if number else SPEAKER_PRIORITY) for number in range(CAMERAS))
    viewer = Subscriber(trace.down, trace.up, views, audio=1)
    return Scenario(trace.name, trace.seconds, cameras, (viewer,))


def show(console: Console, pairs: Iterable[Pair]) -> bool:
    """Prints the table; gives whether all are within the tolerance."""
    table = Table("link", "called", "simulated", "from", "to", "difference", box=None)
    good = True
    for pair in pairs:
        least, most = min(pair.simulated), max(pair.simulated)
        rates = (f"{rate / 1e6:.2f}" for rate in (pair.called, pair.median, least, most))
        good &= abs(pair.difference) <= TOLERANCE
        table.add_row(pair.trace, *rates, f"{pair.difference:+.1%}")
    console.print(table)
    console.print(f"Mbit/s of media that arrived, with all headers; {SEEDS} seeds", highlight=False)
    return good
