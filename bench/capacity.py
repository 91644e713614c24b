"""How many attendees one core serves: more and more of them, until loss or latency breaks."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from sfu.bench import peers
from sfu.bench.errors import BenchError
from sfu.bench.forward import forward
from sfu.bench.results import Forward
from sfu.bench.room import Progress, prepare
from sfu.bench.shape import Shape

GOAL: Final = 1000
MOST_P99_MS: Final = 20.0
"""Of video, while the machine was not slow."""
LEAST_DELIVERED: Final = 0.98
"""Of what presenters sent."""


@dataclass(frozen=True, slots=True)
class Try:
    """One number of attendees, and why it was too many."""

    attendees: int
    broken: str
    result: Forward | None


@dataclass(frozen=True, slots=True)
class Capacity:
    """What was found; 0 if not even the least number was served."""

    attendees: int
    tries: Sequence[Try]

    def missed(self) -> list[str]:
        """The goal that was not reached, in words."""
        is_missed = self.attendees < GOAL
        return [f"{self.attendees} attendees on one core, not {GOAL}"] if is_missed else []

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""
        return {**asdict(self), "missed": self.missed()}


@dataclass(frozen=True, slots=True)
class Plan:
    """From `shape.attendees` up, doubling and then halving, to `most`; within `precision`."""

    shape: Shape
    seconds: float
    most: int
    precision: float = 0.1


def measure(plan: Plan, progress: Progress) -> Capacity:
    """A fresh server for each number. Raises BenchError."""
    core, _ = prepare(replace(plan.shape, attendees=plan.most))
    tries: list[Try] = []

    def serves(attendees: int) -> bool:
        tries.append(_try(replace(plan.shape, attendees=attendees), plan.seconds, core, progress))
        return not tries[-1].broken

    return Capacity(search(plan.shape.attendees, plan.most, plan.precision, serves), tries)


def search(first: int, most: int, precision: float, serves: Callable[[int], bool]) -> int:
    """The largest number that is served, give or take `precision` of it, if all smaller ones are
    served and all larger ones are not; 0 if the first one is not served."""
    good, bad = 0, most + 1
    at = min(first, most)
    while bad - good > max(1, precision * good):
        if serves(at):
            good = at
        else:
            bad = at
        at = min(2 * at, most) if bad > most else (good + bad) // 2
        if good == most or bad <= first:
            break
    return good


def broken(result: Forward) -> str:
    """Why this is too many; nothing if it is not."""
    if result.lost > 0:
        return f"{result.lost} packets lost"
    if result.delivered < LEAST_DELIVERED:
        return f"{result.delivered:.1%} delivered"
    video, _ = result.judged
    if video.p99 > MOST_P99_MS:
        return f"video p99 {video.p99:.1f} ms"
    return ""


def _try(shape: Shape, seconds: float, core: int | None, progress: Progress) -> Try:
    def tell(name: str, done: float) -> None:
        progress(f"{shape.attendees}: {name}", done)

    try:
        with peers.make("sfu", core, shape) as server:
            result = asyncio.run(forward(server, shape, seconds, tell))
    except BenchError as error:
        return Try(shape.attendees, str(error).splitlines()[0], None)
    return Try(shape.attendees, broken(result), result)
