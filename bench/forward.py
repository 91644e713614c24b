"""How much it costs to forward: one presenter or more, many attendees, and the floor beside it.

The server runs as a user starts it, alone on one core; the load has another. The
floor runs before and after on the server's core, so that the ratio is of one run.
"""

import asyncio
import itertools
import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sfu.bench import machine
from sfu.bench._load import Engine
from sfu.bench._load import floor as measure_floor
from sfu.bench.clients import Clients
from sfu.bench.daemon import Daemon
from sfu.bench.results import Floor, Forward, Latency, Thread

if TYPE_CHECKING:
    from sfu.bench._load import Snapshot

BITRATE: Final = 1_200_000
"""Of a single camera; one of several has to fit the 1 Mbit/s that the room gives each."""
BITRATE_OF_MANY: Final = 800_000
FPS: Final = 30
SETTLE: Final = 3.0
"""Seconds between the last join and the measurement."""
MEDIA_PATIENCE: Final = 20.0
ROOM: Final = "bench"
SPARE_FILES: Final = 256

Progress = Callable[[str, float], None]
"""Is told what is going on, and how far it is (0 to 1)."""


class ForwardError(Exception):
    """The measurement could not be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure."""

    attendees: int
    seconds: float
    presenters: int = 1
    floor: bool = True

    @property
    def bitrate(self) -> int:
        """Of each camera, bit/s."""
        return BITRATE if self.presenters == 1 else BITRATE_OF_MANY


def measure(plan: Plan, progress: Progress) -> Forward:
    """Runs it all. Raises ForwardError, ClientError or DaemonError."""
    _allow_files(2 * plan.attendees + SPARE_FILES)
    core, load_core = machine.cores()
    if load_core is not None:
        os.sched_setaffinity(0, {load_core})
    floors = [_floor(plan, core, progress, "floor")] if plan.floor else []
    settings = {
        "SFU_ROOM__ATTENDEES": str(max(1000, plan.attendees)),
        "SFU_ROOM__CAMERAS": str(max(4, plan.presenters)),
        "SFU_ROOM__PRESENTERS": str(max(4, plan.presenters - 1)),
    }
    with Daemon(core, settings) as daemon:
        result = asyncio.run(_measure_server(plan, daemon, progress))
    if plan.floor:
        floors.append(_floor(plan, core, progress, "floor again"))
    return result.with_floors(floors)


def _floor(plan: Plan, core: int | None, progress: Progress, name: str) -> Floor:
    progress(name, 0)
    seconds = min(plan.seconds, 5.0)
    cost = measure_floor(
        receivers=plan.attendees,
        presenters=plan.presenters,
        bitrate=plan.bitrate,
        fps=FPS,
        seconds=seconds,
        core=core,
    )
    progress(name, 1)
    received = cost["received"]
    if received["damaged"] or received["strange"]:
        raise ForwardError(f"the floor's own packets arrived damaged: {received}")
    return Floor(
        packets=cost["packets"],
        us_per_packet=cost["cpu_ns"] / cost["packets"] / 1000,
        lost=cost["sent"] - received["received"],
    )


async def _measure_server(plan: Plan, daemon: Daemon, progress: Progress) -> Forward:
    engine = Engine()
    try:
        async with Clients(daemon.signaling_url, ROOM, engine) as clients:
            for number in range(plan.presenters):
                role = "organizer" if number == 0 else "presenter"
                await clients.add_presenter(role, number, bitrate=plan.bitrate, fps=FPS)
            await asyncio.sleep(1.0)
            before = daemon.memory()
            seconds_to_join = await _join(plan, clients, progress)
            await _await_media(plan, engine, daemon)
            await _wait("settling", SETTLE, progress)
            marks = await _mark_seconds(plan, engine, daemon, progress)
            per_subscriber = (daemon.memory() - before) / plan.attendees
            dropped = daemon.dropped()
    finally:
        engine.stop()
    return _result(plan, marks).with_surroundings(
        seconds_to_join=seconds_to_join, bytes_per_subscriber=per_subscriber, dropped=dropped
    )


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


async def _mark_seconds(
    plan: Plan, engine: Engine, daemon: Daemon, progress: Progress
) -> list[Mark]:
    """Forwards; a mark at the beginning, after each second and at the end."""
    start = time.monotonic()
    marks = [Mark(engine.snapshot(begin=True), daemon.cpu_ns(), machine.stolen())]
    while (left := start + plan.seconds - time.monotonic()) > 0:
        progress("forwarding", 1 - left / plan.seconds)
        # The last second takes in what is left over.
        await asyncio.sleep(left if left < 1.5 else 1)
        marks.append(Mark(engine.snapshot(), daemon.cpu_ns(), machine.stolen()))
    return marks


async def _join(plan: Plan, clients: Clients, progress: Progress) -> float:
    start = time.monotonic()
    joined = 0

    async def join(number: int) -> None:
        nonlocal joined
        await clients.add_attendee(number)
        joined += 1
        progress("joining", joined / plan.attendees)

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(plan.attendees):
                group.create_task(join(number))
    except ExceptionGroup as errors:
        # The others failed alike, or were given up for the first.
        raise errors.exceptions[0] from None
    return time.monotonic() - start


async def _await_media(plan: Plan, engine: Engine, daemon: Daemon) -> None:
    deadline = time.monotonic() + MEDIA_PATIENCE
    while True:
        now = engine.snapshot()
        wanted = plan.attendees * plan.presenters
        if now["video_streams"] == now["audio_streams"] == wanted:
            return
        if time.monotonic() > deadline:
            raise ForwardError(
                f"attendees should have {wanted} streams each of video and audio, and got "
                f"{now['video_streams']} and {now['audio_streams']}; presenters sent "
                f"{now['sent_video']} and {now['sent_audio']} packets. "
                f"The server's log:\n{daemon.complaints()}"
            )
        await asyncio.sleep(0.1)


async def _wait(name: str, seconds: float, progress: Progress) -> None:
    start = time.monotonic()
    while (passed := time.monotonic() - start) < seconds:
        progress(name, passed / seconds)
        await asyncio.sleep(min(0.25, seconds - passed))
    progress(name, 1)


def _result(plan: Plan, marks: list[Mark]) -> Forward:
    first, last = marks[0], marks[-1]
    start, end = first.load, last.load
    packets = last.packets - first.packets
    seconds = (end["now_ns"] - start["now_ns"]) / 1e9
    if packets == 0:
        raise ForwardError("nothing was forwarded")
    cpu = {name: used - first.cpu.get(name, 0) for name, used in last.cpu.items()}
    threads = [
        Thread(name, used / 1e9 / seconds, used / packets / 1000)
        for name, used in sorted(cpu.items(), key=lambda entry: -entry[1])
        if used > 0
    ]
    return Forward(
        attendees=plan.attendees,
        presenters=plan.presenters,
        seconds=seconds,
        packets=packets,
        packets_per_second=packets / seconds,
        delivered=packets / max(1, (last.sent - first.sent) * plan.attendees),
        us_per_packet=sum(cpu.values()) / packets / 1000,
        us_by_second=[_us_per_packet(*pair) for pair in itertools.pairwise(marks)],
        threads=threads,
        # Counted from the beginning: what is under way now is not lost. Old pictures that gave way
        # to a newer keyframe while a joiner's path was still unknown are not lost either.
        lost=(end["expected"] - end["received"]) + end["skipped"] - start["skipped"],
        recovered=end["recovered"],
        damaged=end["damaged"] + end["strange"],
        late=end["late"],
        duplicates=end["duplicates"],
        verified=end["verified"],
        keyframes=end["keyframes"],
        keyframe_requests=end["keyframe_requests"],
        video=_latency(end, "video"),
        audio=_latency(end, "audio"),
        load_busy=(end["cpu_ns"] - start["cpu_ns"]) / 1e9 / seconds,
        stolen=(last.stolen - first.stolen) / seconds,
    )


def _us_per_packet(start: Mark, end: Mark) -> float:
    used = sum(end.cpu.values()) - sum(start.cpu.values())
    return used / max(1, end.packets - start.packets) / 1000


def _latency(snapshot: "Snapshot", kind: str) -> Latency:
    values: dict[str, int] = dict(snapshot)  # type: ignore[arg-type]
    return Latency(*(values[f"{kind}_{name}_ns"] / 1e6 for name in ("p50", "p99", "max")))


def _allow_files(count: int) -> None:
    """As many open files as two sockets per attendee take; the server inherits it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        if hard != resource.RLIM_INFINITY and hard < count:
            raise ForwardError(f"needs {count} open files, the limit is {hard} (ulimit -Hn)")
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
