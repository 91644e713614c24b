"""B16: what a tick of estimator and allocator costs, with the feedback of simulated links."""

from collections.abc import Iterator, Mapping
from time import thread_time
from typing import Final

import numpy as np

from sfu.bandwidth.allocator import Allocator
from sfu.bandwidth.estimator import Estimator
from sfu.bandwidth.rows import Records
from sfu.bench.simulator.control import CLOCK
from sfu.bench.simulator.outcome import Finding
from sfu.bench.simulator.packets import STEP
from sfu.bench.simulator.scenario import stairs
from sfu.bench.simulator.scenarios import flapping
from sfu.bench.simulator.simulation import Simulation
from sfu.heap import keep_freed

Tick = tuple[float, Records, Records]
"""Time, FEEDBACK and DELTA rows."""


LIMITS: Final = {10: 0.001, 200: 0.001, 1_000: 0.002, 10_000: 0.010}
"""Seconds of a tick by number of rows."""


def cost(limits: Mapping[int, float] = LIMITS, seconds: float = 8.0) -> Iterator[Finding]:
    """Seconds of CPU per tick, one thread, with memory as `sfu serve` has it; what else runs on the
    machine hardly counts."""
    keep_freed()
    ticks = record(seconds)
    for size, limit in limits.items():
        values = time_ticks(ticks, size)
        yield Finding("B16", f"tick with {size:,} rows", values, limit)


def record(seconds: float) -> list[Tick]:
    """Feedback of links of all kinds, by tick."""
    simulation = Simulation(flapping(), 10)
    found: list[Tick] = []
    advance = simulation.control.tick

    def keep(time: float, feedback: Records, deltas: Records, pacer: object) -> None:
        found.append((time, feedback, deltas))
        advance(time, feedback, deltas, pacer)  # type: ignore[arg-type]

    simulation.control.tick = keep  # type: ignore[method-assign]
    for number in range(round(seconds / STEP)):
        simulation.step(number)
    return found


def time_ticks(ticks: list[Tick], size: int) -> np.ndarray:
    """Seconds of CPU that each tick takes with as many rows, copies of the recorded ones."""
    rows = 1 + max(int(feedback["transport"].max(initial=0)) for _, feedback, _ in ticks)
    copies = -(-size // rows)
    estimator, allocator = Estimator(size), Allocator(size)
    for transport in range(size):
        estimator.add(transport, CLOCK)
    scenario = flapping()[0]
    staircase = stairs(scenario.subscribers[0], scenario.sources, 0.0)
    here = np.arange(size)
    allocator.assign(here, staircase)
    took = []
    for time, feedback, deltas in ticks:
        wide, long = _copied(feedback, deltas, rows, copies, size)
        now = CLOCK + time
        began = thread_time()
        demand = allocator.demand(here, now)
        names = ("allocated", "next_step", "wanted", "ceiling")
        estimator.demand(here, **dict(zip(names, demand, strict=True)))
        estimator.tick(now, wide, long)
        allocator.tick(
            now,
            estimator.target,
            estimator.throughput,
            estimator.state,
            estimator.queue_us,
            estimator.shown,
        )
        took.append(thread_time() - began)
    return np.array(took[len(took) // 4 :])


def _copied(
    feedback: Records, deltas: Records, rows: int, copies: int, size: int
) -> tuple[Records, Records]:
    wide = np.tile(feedback, copies)
    wide["transport"] += np.repeat(np.arange(copies, dtype=np.uint32) * rows, len(feedback))
    long = np.tile(deltas, copies)
    kept = wide["transport"] < size
    return wide[kept], long[np.repeat(kept, wide["deltas"])]
