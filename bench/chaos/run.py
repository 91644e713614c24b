"""Joins, leaves, changes of network, loss, floods and panics of workers for minutes, all at once:
nobody gets stuck, memory stays flat, and each usage record is right."""

import asyncio
import contextlib
import itertools
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from sfu.bench._load import Engine
from sfu.bench.chaos.guest import Guest, Place, Presenter
from sfu.bench.chaos.server import PRESENTERS, Server
from sfu.bench.chaos.troubles import Event, Troubles
from sfu.bench.chaos.watch import Watch
from sfu.bench.churn import GOAL_GROWTH, growth
from sfu.bench.endpoints import Endpoints
from sfu.bench.errors import BenchError, ClientError
from sfu.bench.room import AT_ONCE, Progress, prepare
from sfu.bench.shape import Shape
from sfu.bench.stays import Visit, wrong_times
from sfu.usage import HEARTBEAT

ROOM: Final = "chaos"
WORKERS: Final = 2
PAUSE: Final = 1.0
"""Seconds between two visits, in the mean."""
CALM: Final = 10.0
"""Seconds without troubles before everybody leaves: by then all have what they should."""


SLACK: Final = 5.0
"""Seconds that what follows may take while floods and handshakes want the same core."""
GOING: Final = 20.0
"""Seconds that the last to go may take once nobody can come back any more."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`people` are there at a time, each for `stay` seconds in the mean; `every` says after how
    many seconds each kind of trouble comes, in the mean."""

    people: int
    stay: float
    seconds: float
    seed: int
    every: Mapping[str, float] = field(
        default_factory=lambda: {
            "address": 2.0,
            "network": 2.0,
            "ICE restart": 2.0,
            "loss": 10.0,
            "flood": 20.0,
            "sockets": 15.0,
            "panic": 40.0,
        }
    )
    sample: float = 1.0
    """Seconds between two looks."""
    calm: float = CALM
    resume_timeout: float = 8.0
    """Seconds; more than anybody is away for."""


@dataclass(frozen=True, slots=True)
class Sample:
    """At a moment of the run."""

    at: float
    memory: int
    descriptors: int
    present: int
    gap: float
    """Seconds that anybody who is there has been without picture or sound."""
    without: int
    """How many have been for more than a moment."""


@dataclass(frozen=True, slots=True)
class Chaos:
    """What has happened, what was seen, and what was wrong."""

    plan: Plan
    before: Sample
    samples: Sequence[Sample]
    after: Sample
    events: Sequence[Event]
    counts: Mapping[str, int]
    visits: int
    stays: int
    returns: int
    """Sockets that were come back from."""
    restarts: int
    """Of workers, as the server counts them."""
    longest: float
    stuck: int
    faults: Sequence[str]
    failed: int
    """How many faults there were in all."""

    @property
    def growth(self) -> float:
        """Share by which resident memory grew from the second quarter to the last."""
        return growth([each.memory for each in self.samples])

    def missed(self) -> list[str]:
        """The goals that were not reached, in words."""
        more = self.after.descriptors - self.before.descriptors
        panics = self.counts.get("panic", 0)
        goals = [
            (self.failed > 0, f"{self.failed} faults"),
            (self.growth > GOAL_GROWTH, f"memory grew by {self.growth:.1%}"),
            (more > 0, f"{more} descriptors more than before"),
            (self.restarts != panics, f"{self.restarts} restarts of workers for {panics} panics"),
        ]
        return [text for is_missed, text in goals if is_missed]

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""
        return {**asdict(self), "growth": self.growth, "missed": self.missed()}


def measure(plan: Plan, progress: Progress, log: Path | None = None) -> Chaos:
    """Keeps the server's log where `log` says. Raises BenchError, and OSError of that file."""
    core, _ = prepare(Shape(2 * plan.people + 500))
    server = Server(core, plan.people, WORKERS, plan.resume_timeout)
    return server.observe(lambda server: _chaos(server, plan, progress), log)


async def _chaos(server: Server, plan: Plan, progress: Progress) -> Chaos:
    engine = Engine()
    try:
        async with Endpoints(engine) as endpoints:
            place = Place(server.signaling_url, ROOM, endpoints, plan.resume_timeout)
            crowd = Crowd(place, plan)
            await crowd.open()
            run = Run(server, place, crowd, plan, progress)
            return await run.all()
    finally:
        engine.stop()


class Crowd:
    """Everybody: presenters who stay, and so many others who come and go."""

    def __init__(self, place: Place, plan: Plan) -> None:
        self.guests: set[Guest] = set()
        self.visits: list[Visit] = []
        self.returns = 0
        self.closing = asyncio.Event()
        self._place = place
        self._plan = plan
        self._chance = random.Random(plan.seed)
        self._numbers = itertools.count()
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._presenters = [
            Presenter(place, number, speaks=number == 0) for number in range(PRESENTERS)
        ]

    async def open(self) -> None:
        """The presenters are in. Raises ClientError."""
        for presenter in self._presenters:
            await self._come(presenter)

    async def run(self) -> None:
        """Until `closing`, and everybody has left."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._plan.people):
                group.create_task(self._visit_again())

    async def close(self) -> None:
        """The presenters leave, too."""
        for presenter in self._presenters:
            await self._go(presenter, politely=True)

    async def _visit_again(self) -> None:
        while not self.closing.is_set():
            guest = Guest(self._place, f"guest-{next(self._numbers)}")
            try:
                async with self._gate:
                    await self._come(guest)
            except ClientError as error:
                self._place.faults.append(f"{time.strftime('%X')} {error}")
                await self._pause(PAUSE)
                continue
            await self._pause(self._chance.expovariate(1 / self._plan.stay))
            await self._go(guest, politely=self._chance.random() < 0.5)
            await self._pause(self._chance.expovariate(1 / PAUSE))

    async def _come(self, guest: Guest) -> None:
        self.visits.append(guest.visit)
        await guest.come()
        self.guests.add(guest)

    async def _go(self, guest: Guest, *, politely: bool) -> None:
        await guest.go(politely=politely)
        self.guests.discard(guest)
        self.returns += guest.returns

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.closing.wait(), seconds)


class Run:
    """From the first guest to the last usage record."""

    def __init__(
        self, server: Server, place: Place, crowd: Crowd, plan: Plan, progress: Progress
    ) -> None:
        self._server = server
        self._place = place
        self._crowd = crowd
        self._plan = plan
        self._progress = progress
        self._watch = Watch(place)
        self._start = time.monotonic()
        self._samples: list[Sample] = []

    async def all(self) -> Chaos:
        """Everything that is to happen."""
        plan, crowd = self._plan, self._crowd
        before = self._sample()
        coming = asyncio.create_task(crowd.run())
        troubles = Troubles(self._place, self._server, lambda: list(crowd.guests), plan.seed + 1)
        trouble = asyncio.create_task(troubles.run(dict(plan.every)))
        await self._look("chaos", plan.seconds, coming, trouble)
        trouble.cancel()
        await asyncio.gather(trouble, return_exceptions=True)
        await self._look("calm", plan.calm, coming)
        crowd.closing.set()
        await coming
        await crowd.close()
        await self._look("going", plan.resume_timeout)
        deadline = time.monotonic() + GOING
        while await asyncio.to_thread(self._server.metric, "sfu_participants"):
            if time.monotonic() > deadline:
                self._place.faults.append("somebody has not gone")
                break
            await asyncio.sleep(0.5)
        # The last ones are written a moment after.
        while wrong := wrong_records(crowd.visits, await asyncio.to_thread(self._server.usage)):
            if time.monotonic() > deadline:
                self._place.faults.extend(wrong)
                break
            await asyncio.sleep(0.5)
        faults = self._place.faults
        return Chaos(
            plan=plan,
            before=before,
            samples=self._samples,
            after=self._sample(),
            events=troubles.events,
            counts=dict(troubles.counts),
            visits=len(crowd.visits),
            stays=sum(visit.outcome == "in" for visit in crowd.visits),
            returns=crowd.returns,
            restarts=self._server.metric("sfu_worker_restarts_total"),
            longest=self._watch.longest,
            stuck=self._watch.stuck,
            faults=faults[:50],
            failed=len(faults),
        )

    async def _look(self, what: str, seconds: float, *tasks: asyncio.Task[None]) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(self._plan.sample, left))
            sample = self._sample()
            if what == "chaos":
                self._samples.append(sample)
            self._progress(what, 1 - left / seconds)
            for task in tasks:
                if task.done():
                    task.result()
                    raise BenchError("ended by itself")

    def _sample(self) -> Sample:
        gap, without = self._watch.look(self._crowd.guests)
        present = sum(guest.present for guest in self._crowd.guests)
        at = time.monotonic() - self._start
        return Sample(at, self._server.memory(), self._server.descriptors(), present, gap, without)


def wrong_records(visits: Sequence[Visit], records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Everything in which usage records differ from what the guests know."""
    mine = [record for record in records if record["kind"] == "participant"]
    counts = Counter(record["participant"] for record in mine)
    by_participant = {record["participant"]: record for record in mine}
    faults = []
    for visit in visits:
        if visit.outcome != "in":
            continue
        if (count := counts.pop(visit.participant, 0)) != 1:
            faults.append(f"{count} usage records of {visit}")
        elif wrong := wrong_times(visit, by_participant[visit.participant], HEARTBEAT, SLACK):
            faults.append(f"{wrong}: {visit}, {dict(by_participant[visit.participant])}")
    # Somebody whose answer was lost may have been in.
    unknown = sum(visit.outcome == "unknown" for visit in visits)
    if len(counts) > unknown or any(count != 1 for count in counts.values()):
        faults.append(f"usage records of nobody: {dict(counts)}")
    return faults
