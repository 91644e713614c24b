"""A room under load: what all measurements share, from the first join to the marks."""

import asyncio
import contextlib
import os
import resource
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from sfu.bench import machine
from sfu.bench._load import Engine
from sfu.bench.endpoints import Endpoints
from sfu.bench.errors import BenchError
from sfu.bench.peers import Server
from sfu.bench.shape import Shape

if TYPE_CHECKING:
    from sfu.bench._load import Snapshot

SETTLE: Final = 3.0
"""Seconds between the last join and the measurement."""
MEDIA_PATIENCE: Final = 20.0
AT_ONCE: Final = 16
"""Participants on their way in at the same time, unless a storm is wanted."""
SPARE_FILES: Final = 256
MARKS_PER_SECOND: Final = 4

Progress = Callable[[str, float], None]
"""Is told what is going on, and how far it is (0 to 1)."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far everything was at a moment."""

    load: "Snapshot"
    cpu: dict[str, int]
    stolen: float

    @property
    def packets(self) -> int:
        """That attendees had received."""
        return self.load["video"] + self.load["audio"]

    @property
    def sent(self) -> int:
        """Packets that presenters had sent."""
        return self.load["sent_video"] + self.load["sent_audio"]


class Room:
    """One server with presenters, and attendees as they are added; an asynchronous context."""

    def __init__(self, server: Server, shape: Shape, progress: Progress) -> None:
        """`server` has been started."""
        self.server = server
        self.shape = shape
        self.progress = progress
        self.engine = Engine()
        self.endpoints = Endpoints(self.engine)
        self.clients = server.clients(self.endpoints)
        self.memory_before = 0
        """Resident bytes with the presenters, before the first attendee."""
        self.seconds_to_join = 0.0
        self.attendees: list[int] = []
        """Their endpoints."""
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        """The presenters are in and send afterwards. Raises BenchError."""
        self._stack.callback(self.engine.stop)
        try:
            await self._stack.enter_async_context(self.endpoints)
            await self._stack.enter_async_context(self.clients)
            for number in range(self.shape.cameras):
                await self.clients.add_presenter(number, self.shape)
            await asyncio.sleep(1.0)
        except BaseException:
            await self._stack.aclose()
            raise
        self.memory_before = self.server.memory()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def fill(self) -> None:
        """All attendees, until everybody gets everything. Raises BenchError."""
        start = time.monotonic()
        gate = asyncio.Semaphore(AT_ONCE)
        joined = 0

        async def join(number: int) -> None:
            nonlocal joined
            async with gate:
                self.attendees.append(await self.clients.add_attendee(number))
            joined += 1
            self.progress("joining", joined / self.shape.attendees)

        await gather(join(number) for number in range(self.shape.attendees))
        self.seconds_to_join = time.monotonic() - start
        await self._await_media()
        await self.wait("settling", SETTLE)

    def mark(self, *, begin: bool = False) -> Mark:
        """Now; `begin` starts the latencies anew."""
        return Mark(self.engine.snapshot(begin=begin), self.server.cpu_ns(), machine.stolen())

    async def measure(self, seconds: float) -> Sequence[Mark]:
        """Forwards; marks at the beginning, at regular times and at the end."""
        start = time.monotonic()
        marks = [self.mark(begin=True)]
        count = max(1, round(seconds * MARKS_PER_SECOND))
        for number in range(1, count + 1):
            self.progress("forwarding", number / count)
            await asyncio.sleep(start + seconds * number / count - time.monotonic())
            marks.append(self.mark())
        return marks

    async def wait(self, name: str, seconds: float) -> None:
        """Lets time pass."""
        start = time.monotonic()
        while (passed := time.monotonic() - start) < seconds:
            self.progress(name, passed / seconds)
            await asyncio.sleep(min(0.25, seconds - passed))
        self.progress(name, 1)

    async def _await_media(self) -> None:
        deadline = time.monotonic() + MEDIA_PATIENCE
        wanted = (
            self.shape.attendees * self.shape.cameras,
            self.shape.attendees * self.shape.speakers,
        )
        while True:
            now = self.engine.snapshot()
            if (now["video_streams"], now["audio_streams"]) == wanted:
                return
            if time.monotonic() > deadline:
                raise BenchError(
                    f"attendees should have {wanted[0]} streams of video and {wanted[1]} of audio, "
                    f"and got {now['video_streams']} and {now['audio_streams']}; presenters sent "
                    f"{now['sent_video']} and {now['sent_audio']} packets. "
                    f"The server's log:\n{self.server.complaints()}"
                )
            await asyncio.sleep(0.1)


async def gather(work: Iterable[Coroutine[None, None, None]]) -> None:
    """Until all have ended, or the first has failed."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except ExceptionGroup as errors:
        # The others failed alike, or were given up for the first.
        raise errors.exceptions[0] from None


def prepare(shape: Shape) -> tuple[int | None, int | None]:
    """As many open files as two sockets per attendee take (the server inherits it), and this
    process on its core. Gives the server's core and the load's. Raises BenchError."""
    count = 2 * shape.attendees + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        if hard != resource.RLIM_INFINITY and hard < count:
            raise BenchError(f"needs {count} open files, the limit is {hard} (ulimit -Hn)")
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
    core, load_core = machine.cores()
    if load_core is not None:
        os.sched_setaffinity(0, {load_core})
    return core, load_core
