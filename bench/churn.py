"""Joins and leaves for minutes: memory and descriptors come back, those who stay lose nothing."""

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from sfu.bench import peers
from sfu.bench._load import Engine
from sfu.bench.clients import Clients
from sfu.bench.endpoints import Endpoints
from sfu.bench.errors import BenchError
from sfu.bench.results import quantile
from sfu.bench.room import Progress, Room, prepare
from sfu.bench.shape import Shape

SAMPLE: Final = 5.0
"""Seconds between samples."""
GOING: Final = 40.0
"""Seconds after the last leave: sessions that may be resumed and handshakes have ended."""
GOAL_GROWTH: Final = 0.05
"""Of resident memory, from the second quarter of the run to the last one."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`stayers` see all of it; others come at `rate` a second and stay for `stay` seconds."""

    stayers: int
    rate: float
    stay: float
    seconds: float

    @property
    def shape(self) -> Shape:
        """With room for all, those who may still come back included."""
        return Shape(self.stayers)


@dataclass(frozen=True, slots=True)
class Sample:
    """At a moment of the run."""

    at: float
    memory: int
    descriptors: int
    present: int
    """Those who come and go that are in."""
    lost: int
    """Of those who stay, so far."""


@dataclass(frozen=True, slots=True)
class Churn:
    """All samples, and what there was before and after."""

    plan: Plan
    before: Sample
    samples: Sequence[Sample]
    after: Sample
    joins: int
    leaves: int
    errors: Sequence[str]
    failed: int

    @property
    def growth(self) -> float:
        """Share by which resident memory grew from the second quarter to the last."""
        return growth([each.memory for each in self.samples])

    def missed(self) -> list[str]:
        """The goals that were not reached, in words."""
        more = self.after.descriptors - self.before.descriptors
        goals = [
            (self.failed > 0, f"{self.failed} could not join or leave"),
            (self.growth > GOAL_GROWTH, f"memory grew by {self.growth:.1%}"),
            (more > 0, f"{more} descriptors more than before"),
            (self.after.lost > 0, f"those who stayed lost {self.after.lost} packets"),
        ]
        return [text for is_missed, text in goals if is_missed]

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""
        return {**asdict(self), "growth": self.growth, "missed": self.missed()}


def growth(course: Sequence[float]) -> float:
    """Share by which the median of the last quarter is more than that of the second one."""
    quarter = max(1, len(course) // 4)
    parts = course[quarter : 2 * quarter] or course, course[-quarter:]
    early, late = (quantile(part, 0.5) for part in parts)
    return late / early - 1


def measure(plan: Plan, progress: Progress) -> Churn:
    """Raises BenchError."""
    crowd = plan.stayers + int(plan.rate * (plan.stay + GOING))
    core, _ = prepare(Shape(crowd))
    with peers.make("sfu", core, Shape(crowd)) as server:
        return asyncio.run(_churn(server, plan, progress))


async def _churn(server: peers.Server, plan: Plan, progress: Progress) -> Churn:
    # Those who come and go have an engine of their own, so that what the others lose is seen.
    engine = Engine()
    try:
        async with (
            Room(server, plan.shape, progress) as room,
            Endpoints(engine) as endpoints,
            server.clients(endpoints) as clients,
        ):
            await room.fill()
            assert isinstance(clients, Clients)
            crowd = Crowd(clients, plan, time.monotonic())
            before = _sample(server, room, crowd)
            samples = []
            async with asyncio.TaskGroup() as group:
                arrivals = group.create_task(crowd.run())
                while not arrivals.done():
                    await asyncio.sleep(SAMPLE)
                    samples.append(_sample(server, room, crowd))
                    progress("churning", samples[-1].at / plan.seconds)
            await room.wait("going", GOING)
            after = _sample(server, room, crowd)
    finally:
        engine.stop()
    if not crowd.joins:
        raise BenchError(f"nobody could join: {crowd.errors[0]}")
    return Churn(
        plan,
        before,
        samples,
        after,
        crowd.joins,
        crowd.leaves,
        crowd.errors[:5],
        len(crowd.errors),
    )


def _sample(server: peers.Server, room: Room, crowd: "Crowd") -> Sample:
    now = room.engine.snapshot()
    lost = now["expected"] - now["received"]
    at = time.monotonic() - crowd.start
    return Sample(at, server.memory(), server.descriptors(), crowd.present, lost)


class Crowd:
    """Those who come and go: every other one without a word."""

    def __init__(self, clients: Clients, plan: Plan, start: float) -> None:
        self._clients = clients
        self._plan = plan
        self.start = start
        self.joins = self.leaves = 0
        self.errors: list[str] = []

    @property
    def present(self) -> int:
        """How many are in."""
        return self.joins - self.leaves

    async def run(self) -> None:
        """Until the last one has left."""
        async with asyncio.TaskGroup() as group:
            for number in itertools.count():
                at = number / self._plan.rate
                if at >= self._plan.seconds:
                    return
                await asyncio.sleep(self.start + at - time.monotonic())
                group.create_task(self._visit(number))

    async def _visit(self, number: int) -> None:
        try:
            endpoint = await self._clients.add_attendee(number + 1_000_000)
            self.joins += 1
            await asyncio.sleep(self._plan.stay)
            await self._clients.leave(endpoint, politely=number % 2 == 0)
            self.leaves += 1
        except BenchError as error:
            self.errors.append(str(error))
