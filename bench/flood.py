"""Floods of strangers beside a call: nobody in it may lose a packet, and strangers cost little."""

import asyncio
import os
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

from sfu.bench._load import Engine
from sfu.bench.chaos.strangers import KINDS, Make, binding_request, connect, flood, knock, ring
from sfu.bench.errors import BenchError
from sfu.bench.peers.sfu import ROOM, Sfu
from sfu.bench.process import dropped
from sfu.bench.results import GOAL_US
from sfu.bench.room import Mark, Progress, Room, prepare
from sfu.bench.shape import Shape

CALM: Final = "none"
"""The call alone, to compare with."""
DATAGRAMS: Final[Mapping[str, Make]] = {make.__name__.replace("_", "-"): make for make in KINDS}
CONNECTIONS, SOCKETS, ADDRESS, JOINS = "connections", "sockets", "sockets-of-one-address", "joins"
"""By TCP, to the media port and for signaling. Only for the third do limits per address hold."""
NAMES: Final = (*DATAGRAMS, CONNECTIONS, SOCKETS, ADDRESS, JOINS)
SHARES: Final = {CONNECTIONS: 20, SOCKETS: 100, ADDRESS: 20, JOINS: 20}
"""By how much fewer of these there are a second than of datagrams."""
JOINS_EACH: Final = 20
"""That one socket brings."""
OPEN: Final = 1000
"""Strangers' sockets at once, at most."""
SETTLE: Final = 0.5
"""Seconds after each flood: what is lost by then stays lost."""
LOOK: Final = 0.01
"""Seconds between two looks at what has come."""
GOAL_GROWTH: Final = 8 << 20
"""Bytes of memory by which one flood may leave the server larger."""
GOAL_SOCKET: Final = 64 << 10
"""And for each stranger's socket that was open at once."""
GOAL_GAP: Final = 0.1
"""Seconds that anybody may be without picture or sound."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Each kind comes for `seconds`, `rate` datagrams a second."""

    attendees: int
    rate: int
    seconds: float
    kinds: Sequence[str] = NAMES


@dataclass(frozen=True, slots=True)
class Wave:
    """One kind, and what it did to the call."""

    kind: str
    seconds: float
    sent: int
    """Datagrams, sockets or joins."""
    worker: float
    """Share of a core that the packet plane took, the call included."""
    control: float
    """The same of all other threads."""
    us_each: float
    """CPU of the server for each that was sent, beyond what the call took before; microseconds."""
    lost: int
    """Packets that attendees never got."""
    damaged: int
    again: int
    """Packets that were sent once more, by presenters or to attendees."""
    full: int
    """Datagrams that the kernel dropped at the server's full sockets, strangers' for the most."""
    unread: int
    """Those that it dropped at attendees' sockets: the load did not keep up."""
    gap: float
    """Seconds that anybody was without picture or sound."""
    delay: float
    """Seconds from a presenter's send to an attendee's receive call, at most."""
    growth: int
    """Bytes of memory."""
    open: int
    """Strangers' sockets at once, at most."""
    faults: Sequence[str]
    """What was wrong with answers to strangers."""

    @property
    def allowed_growth(self) -> int:
        """Bytes of memory that such a flood may take."""
        return GOAL_GROWTH + GOAL_SOCKET * self.open

    def missed(self) -> list[str]:
        """The goals that were not reached, in words."""
        goals = [
            (self.lost > 0, f"{self.lost} packets lost"),
            (self.damaged > 0, f"{self.damaged} packets damaged or unknown"),
            (
                self.kind in DATAGRAMS and self.us_each > GOAL_US,
                f"{self.us_each:.1f} µs for each datagram, more than {GOAL_US} for one forwarded",
            ),
            (self.gap > GOAL_GAP, f"nothing for {self.gap * 1000:.0f} ms"),
            (self.growth > self.allowed_growth, f"{self.growth / 2**20:.1f} MiB more"),
            (bool(self.faults), f"{len(self.faults)} wrong answers, {self.faults[:1]}"),
        ]
        return [f"{self.kind}: {text}" for is_missed, text in goals if is_missed]


@dataclass(frozen=True, slots=True)
class Flood:
    """All waves, the calm one first."""

    plan: Plan
    waves: Sequence[Wave]

    def missed(self) -> list[str]:
        """The goals that were not reached, in words."""
        return [text for wave in self.waves for text in wave.missed()]

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""
        return {**asdict(self), "missed": self.missed()}


class Strict(Sfu):
    """A server with an address from which strangers can come."""

    module = "sfu.bench.strict"


def measure(plan: Plan, progress: Progress) -> Flood:
    """Raises BenchError."""
    if unknown := sorted(set(plan.kinds) - set(NAMES)):
        raise BenchError(f"{', '.join(unknown)}: unknown, one of {', '.join(NAMES)}")
    shape = Shape(plan.attendees)
    core, _ = prepare(Shape(plan.attendees + 2 * OPEN))
    with Strict(core, shape) as server:
        return asyncio.run(_measure(server, shape, plan, progress))


async def _measure(server: Sfu, shape: Shape, plan: Plan, progress: Progress) -> Flood:
    async with Room(server, shape, progress) as room:
        await room.fill()
        waves: list[Wave] = []
        for kind in (CALM, *plan.kinds):
            progress(kind, len(waves) / (1 + len(plan.kinds)))
            strangers = Strangers(server, room.endpoints.ufrag, plan)
            waves.append(await _wave(room, strangers, kind, waves[0] if waves else None))
    return Flood(plan, waves)


async def _wave(room: Room, strangers: "Strangers", kind: str, calm: Wave | None) -> Wave:
    full, unread = room.server.dropped(), dropped([os.getpid()])
    memory, watch = room.server.memory(), Watch(room.engine)
    before = room.mark(begin=True)
    watching = asyncio.create_task(asyncio.to_thread(watch.run))
    try:
        sent = await strangers.come(kind)
        after = room.mark()
        await asyncio.sleep(SETTLE)
    finally:
        watch.over.set()
        await watching
    end, start = room.engine.snapshot(), before.load
    worker, control, seconds = _shares(before, after)
    more = 0.0 if calm is None else worker + control - calm.worker - calm.control
    return Wave(
        kind=kind,
        seconds=seconds,
        sent=sent,
        worker=worker,
        control=control,
        us_each=max(0.0, more) * seconds * 1e6 / sent if sent else 0.0,
        lost=(end["expected"] - end["received"]) - (start["expected"] - start["received"])
        + end["skipped"] - start["skipped"],
        damaged=end["damaged"] + end["strange"] - start["damaged"] - start["strange"],
        again=end["sent_again"] + end["recovered"] - start["sent_again"] - start["recovered"],
        full=room.server.dropped() - full,
        unread=dropped([os.getpid()]) - unread,
        gap=watch.longest,
        delay=max(end["video_max_ns"], end["audio_max_ns"]) / 1e9,
        growth=room.server.memory() - memory,
        open=strangers.most,
        faults=strangers.faults,
    )  # fmt: skip


def _shares(before: Mark, after: Mark) -> tuple[float, float, float]:
    """Of a core: the packet plane's and the others', and the seconds between the marks."""
    seconds = (after.load["now_ns"] - before.load["now_ns"]) / 1e9
    used = {name: (ns - before.cpu.get(name, 0)) / 1e9 for name, ns in after.cpu.items()}
    worker = sum(each for name, each in used.items() if "plane" in name)
    return worker / seconds, (sum(used.values()) - worker) / seconds, seconds


class Strangers:
    """Whoever comes unasked."""

    def __init__(self, server: Sfu, ufrag: str, plan: Plan) -> None:
        """`ufrag` is the server's in a connection of the call."""
        self.faults: list[str] = []
        self.most = 0
        """Sockets of theirs at once."""
        self._server = server
        self._plan = plan
        self._datagrams: dict[str, Make] = {
            **DATAGRAMS,
            "binding-request": partial(binding_request, user=ufrag),
        }

    async def come(self, kind: str) -> int:
        """For as long as planned; gives how many datagrams, sockets or joins there were."""
        plan = self._plan
        if kind in self._datagrams:
            return await asyncio.to_thread(
                flood,
                "127.0.0.1",
                self._server.udp_ports,
                self._datagrams[kind],
                plan.rate,
                plan.seconds,
                1,
            )
        if kind == CALM:
            await asyncio.sleep(plan.seconds)
            return 0
        rate = plan.rate / SHARES[kind]
        if kind == CONNECTIONS:
            return await self._visit(rate, partial(connect, "127.0.0.1", self._server.udp_ports[0]))
        if kind == ADDRESS:
            return await self._visit(rate, partial(ring, "127.0.0.1", self._server.port))
        joins = JOINS_EACH if kind == JOINS else 0
        visit = partial(knock, self._server.signaling_url, ROOM, joins)
        return await self._visit(rate / max(1, joins), visit) * max(1, joins)

    async def _visit(self, rate: float, visit: Callable[[], Awaitable[str | None]]) -> int:
        start, gate = time.monotonic(), asyncio.Semaphore(OPEN)
        number = now = 0

        async def stranger() -> None:
            nonlocal now
            now += 1
            self.most = max(self.most, now)
            try:
                if fault := await visit():
                    self.faults.append(fault)
            finally:
                now -= 1
                gate.release()

        async with asyncio.TaskGroup() as group:
            while time.monotonic() - start < self._plan.seconds:
                await gate.acquire()
                group.create_task(stranger())
                number += 1
                await asyncio.sleep(start + number / rate - time.monotonic())
        return number


class Watch:
    """Looks again and again at what each attendee has got, from a thread of its own."""

    def __init__(self, engine: Engine) -> None:
        self.over = threading.Event()
        self.longest = 0.0
        """Seconds that anybody was without picture or sound, at most."""
        self._engine = engine

    def run(self) -> None:
        """Until it is `over`."""
        seen: dict[tuple[int, int], tuple[int, float]] = {}
        while not self.over.wait(LOOK):
            heard, now = self._engine.heard(), time.monotonic()
            for endpoint, *counts in heard:
                for kind, count in enumerate(counts):
                    former, at = seen.setdefault((endpoint, kind), (count, now))
                    self.longest = max(self.longest, now - at)
                    if count != former:
                        seen[endpoint, kind] = count, now
