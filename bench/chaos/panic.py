"""A full room's worker panics, again and again: how soon everybody has pictures."""

import asyncio
import math
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from sfu.bench._load import Engine
from sfu.bench.chaos.guest import Guest, Half, Place, Presenter
from sfu.bench.chaos.server import PRESENTERS, Server
from sfu.bench.endpoints import Endpoints
from sfu.bench.errors import BenchError
from sfu.bench.results import quantile
from sfu.bench.room import AT_ONCE, Progress, gather, prepare
from sfu.bench.shape import Shape

GOAL_P95: Final = 3.0
"""Seconds from the panic to the first packet of a picture."""
GOAL_ELSEWHERE: Final = 1.0
"""Seconds for the same from when the first publisher can send again, for those whose connection was
on another worker."""
LOOK: Final = 0.02
"""Seconds between two looks at who has got something."""
PATIENCE: Final = 20.0
SETTLE: Final = 3.0
"""Seconds between two panics; more than the server waits between two starts of one worker."""
RESUME: Final = 30.0
ROOM: Final = "panic"


@dataclass(frozen=True, slots=True)
class Plan:
    """`people` receive, on `workers`."""

    people: int
    workers: int
    rounds: int = 3


@dataclass(frozen=True, slots=True)
class Return:
    """Of somebody after one panic; seconds from the panic, infinite for what has not come."""

    told: float
    agreed: float
    connected: float
    picture: float
    """The first packet of one, for presenters as for all others that of somebody else's."""


@dataclass(frozen=True, slots=True)
class Group:
    """Some of all returns: the median of each step, and how the last one is spread."""

    name: str
    count: int
    told: float
    agreed: float
    connected: float
    p50: float
    p95: float
    most: float


@dataclass(frozen=True, slots=True)
class Panics:
    """What came of it; times in seconds."""

    plan: Plan
    groups: Sequence[Group]
    late: int
    """How often somebody had no picture in time."""
    restarts: int
    """Of workers, as the server counts them."""
    faults: Sequence[str]

    def missed(self) -> list[str]:
        """The goals that were not reached, in words."""
        goals = [
            (bool(self.faults), f"{len(self.faults)} faults"),
            (self.late > 0, f"{self.late} without a picture after {PATIENCE:.0f} s"),
            (self.restarts != self.plan.rounds, f"{self.restarts} restarts of workers"),
        ]
        for group in self.groups:
            goal = GOAL_ELSEWHERE if group.name == ELSEWHERE_AFTER else GOAL_P95
            goals.append((group.p95 > goal, f"{group.name}: p95 {group.p95:.2f} s, not {goal}"))
        return [text for is_missed, text in goals if is_missed]

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""
        return {**asdict(self), "missed": self.missed()}


PUBLISHING: Final = "presenters, until they send"
HERE: Final = "who received there"
ELSEWHERE: Final = "who received elsewhere"
ELSEWHERE_AFTER: Final = "the same, once a presenter sends"


def measure(plan: Plan, progress: Progress, log: Path | None = None) -> Panics:
    """Keeps the server's log where `log` says. Raises BenchError, and OSError of that file."""
    core, _ = prepare(Shape(2 * plan.people))
    server = Server(core, plan.people, plan.workers, RESUME)
    return server.observe(lambda server: _measure(server, plan, progress), log)


async def _measure(server: Server, plan: Plan, progress: Progress) -> Panics:
    engine = Engine()
    try:
        async with Endpoints(engine) as endpoints:
            place = Place(server.signaling_url, ROOM, endpoints, RESUME)
            room = Room(server, place, plan, progress)
            await room.fill()
            for number in range(plan.rounds):
                progress("panics", number / plan.rounds)
                await asyncio.sleep(SETTLE)
                await room.panic()
            groups, late = room.groups()
            restarts = await asyncio.to_thread(server.metric, "sfu_worker_restarts_total")
            await room.close()
            return Panics(plan, groups, late, restarts, place.faults[:50])
    finally:
        engine.stop()


class Room:
    """Two who send, and all who receive."""

    def __init__(self, server: Server, place: Place, plan: Plan, progress: Progress) -> None:
        self._server = server
        self._place = place
        self._progress = progress
        self._presenters = [
            Presenter(place, number, speaks=number == 0) for number in range(PRESENTERS)
        ]
        self._guests = [Guest(place, f"guest-{number}") for number in range(plan.people)]
        self._returns: dict[str, list[Return]] = {}

    async def fill(self) -> None:
        """Until everybody has pictures. Raises ClientError, and BenchError where that is late."""
        for presenter in self._presenters:
            await presenter.come()
        gate, joined = asyncio.Semaphore(AT_ONCE), 0

        async def join(guest: Guest) -> None:
            nonlocal joined
            async with gate:
                await guest.come()
            joined += 1
            self._progress("joining", joined / len(self._guests))

        await gather(join(guest) for guest in self._guests)
        watch = Watch(self._place, self._everybody)
        if await watch.until_all_are_back(-math.inf):
            raise BenchError(f"somebody has no picture after {PATIENCE:.0f} s")

    async def panic(self) -> None:
        """Once, until everybody has pictures again."""
        home = self._worker(self._presenters[0].publishing)
        there = {each for each in self._guests if self._worker(each.receiving) == home}
        watch = Watch(self._place, self._everybody)
        at = time.monotonic()
        self._server.interrupt((signal.SIGUSR1, signal.SIGUSR2)[home])
        await watch.until_all_are_back(at)
        sending = [_of(each, each.publishing, math.inf, at) for each in self._presenters]
        first = min(each.connected for each in sending)
        self._note(PUBLISHING, [_until(each, each.connected) for each in sending])
        for guest in self._guests:
            found = _of(guest, guest.receiving, watch.back[guest], at)
            if guest in there:
                self._note(HERE, [found])
            else:
                later = found.picture - first
                self._note(ELSEWHERE, [Return(0.0, 0.0, 0.0, found.picture)])
                self._note(ELSEWHERE_AFTER, [Return(0.0, 0.0, 0.0, later)])

    def groups(self) -> tuple[list[Group], int]:
        """What was seen so far, and how often somebody was late."""
        late = sum(
            math.isinf(each.picture)
            for name, returns in self._returns.items()
            for each in returns
            if name != ELSEWHERE_AFTER
        )
        return [_group(name, returns) for name, returns in self._returns.items()], late

    async def close(self) -> None:
        """Everybody leaves."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def leave(guest: Guest) -> None:
            async with gate:
                await guest.go(politely=True)

        await gather(leave(guest) for guest in self._everybody)

    @property
    def _everybody(self) -> list[Guest]:
        return [*self._presenters, *self._guests]

    def _worker(self, half: Half | None) -> int:
        if half is None or half.remote is None:
            raise BenchError("somebody has no connection")
        return self._server.udp_ports.index(half.remote.port)

    def _note(self, name: str, returns: Sequence[Return]) -> None:
        self._returns.setdefault(name, []).extend(returns)


class Watch:
    """Who gets pictures over another connection than before, or again over the same one."""

    def __init__(self, place: Place, guests: Sequence[Guest]) -> None:
        self.back: dict[Guest, float] = dict.fromkeys(guests, math.inf)
        """When, in seconds of time.monotonic()."""
        self._place = place
        self._former = {guest: _endpoint(guest) for guest in guests}
        self._had = self._packets()

    async def until_all_are_back(self, panic: float) -> int:
        """Or until that is late; gives how many are not. Whoever keeps a connection has to wait for
        pictures of publishers that have come back after the `panic`."""
        deadline = time.monotonic() + PATIENCE
        while (left := [each for each, at in self.back.items() if math.isinf(at)]) and (
            time.monotonic() < deadline
        ):
            await asyncio.sleep(LOOK)
            now, packets = time.monotonic(), self._packets()
            publishers = [each for each in self.back if isinstance(each, Presenter)]
            sent = any(_since(each.publishing) > panic for each in publishers)
            for guest in left:
                endpoint = _endpoint(guest)
                kept = endpoint == self._former[guest] and not math.isinf(panic)
                more = packets.get(endpoint, 0) > (self._had.get(endpoint, 0) if kept else 0)
                if more and (sent or not kept):
                    self.back[guest] = now
            if not sent:
                self._had = packets
        return len(left)

    def _packets(self) -> Mapping[int, int]:
        """Of pictures, by endpoint."""
        return {id: pictures for id, pictures, _ in self._place.endpoints.engine.heard()}


def _endpoint(guest: Guest) -> int:
    return -1 if guest.receiving is None else guest.receiving.endpoint


def _since(half: Half | None) -> float:
    """When it could send; never yet is before everything."""
    return -math.inf if half is None or math.isinf(half.connected) else half.connected


def _of(guest: Guest, half: Half | None, picture: float, at: float) -> Return:
    agreed, connected = (math.inf, math.inf) if half is None else (half.agreed, half.connected)
    return Return(guest.told - at, agreed - at, connected - at, picture - at)


def _until(found: Return, picture: float) -> Return:
    return Return(found.told, found.agreed, found.connected, picture)


def _group(name: str, returns: Sequence[Return]) -> Group:
    def median(values: Sequence[float]) -> float:
        return quantile(values, 0.5)

    pictures = [each.picture for each in returns]
    return Group(
        name=name,
        count=len(returns),
        told=median([each.told for each in returns]),
        agreed=median([each.agreed for each in returns]),
        connected=median([each.connected for each in returns]),
        p50=median(pictures),
        p95=quantile(pictures, 0.95),
        most=max(pictures),
    )
