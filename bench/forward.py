"""How much it costs to forward: presenters, many attendees, and the floor beside it.

The server runs as a user starts it, alone on one core; the load has another. The
floor runs before and after on the server's core, so that the ratio is of one run.
"""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfu.bench import peers
from sfu.bench._load import floor as measure_floor
from sfu.bench.errors import BenchError
from sfu.bench.results import ENOUGH, Floor, Forward, Latency, Steady, Thread
from sfu.bench.room import MARKS_PER_SECOND, Mark, Progress, Room, prepare
from sfu.bench.shape import Shape

if TYPE_CHECKING:
    from sfu.bench._load import Snapshot


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure."""

    shape: Shape
    seconds: float
    floor: bool = True


def measure(plan: Plan, progress: Progress) -> Forward:
    """Runs it all. Raises BenchError."""
    core, _ = prepare(plan.shape)
    floors = [_floor(plan, core, progress, "floor")] if plan.floor else []
    with peers.make("sfu", core, plan.shape) as server:
        result = asyncio.run(forward(server, plan.shape, plan.seconds, progress))
    if plan.floor:
        floors.append(_floor(plan, core, progress, "floor again"))
    return result.with_floors(floors)


async def forward(
    server: peers.Server, shape: Shape, seconds: float, progress: Progress
) -> Forward:
    """One room on a server that has been started. Raises BenchError."""
    async with Room(server, shape, progress) as room:
        await room.fill()
        marks = await room.measure(seconds)
        memory = (server.memory() - room.memory_before) / shape.attendees
        return summary(shape, marks).with_surroundings(
            seconds_to_join=room.seconds_to_join,
            bytes_per_subscriber=memory,
            dropped=server.dropped(),
            profile=" ".join(sorted(room.endpoints.profiles)),
        )


def _floor(plan: Plan, core: int | None, progress: Progress, name: str) -> Floor:
    progress(name, 0)
    cost = measure_floor(
        receivers=plan.shape.attendees,
        presenters=plan.shape.cameras,
        microphones=plan.shape.speakers,
        bitrate=plan.shape.bitrate,
        fps=plan.shape.fps,
        seconds=min(plan.seconds, 5.0),
        core=core,
    )
    progress(name, 1)
    received = cost["received"]
    if received["damaged"] or received["strange"]:
        raise BenchError(f"the floor's own packets arrived damaged: {received}")
    return Floor(
        packets=cost["packets"],
        us_per_packet=cost["cpu_ns"] / cost["packets"] / 1000,
        lost=cost["sent"] - received["received"],
        steady_us=(
            cost["steady_cpu_ns"] / cost["steady_packets"] / 1000
            if cost["steady_packets"] > ENOUGH * cost["packets"]
            else None
        ),
    )


def summary(shape: Shape, marks: Sequence[Mark]) -> Forward:
    """What the marks say. Raises BenchError when nothing was forwarded between them."""
    first, last = marks[0], marks[-1]
    start, end = first.load, last.load
    packets = last.packets - first.packets
    seconds = (end["now_ns"] - start["now_ns"]) / 1e9
    if packets == 0:
        raise BenchError("nothing was forwarded")
    cpu = {name: used - first.cpu.get(name, 0) for name, used in last.cpu.items()}
    threads = [
        Thread(name, used / 1e9 / seconds, used / packets / 1000)
        for name, used in sorted(cpu.items(), key=lambda entry: -entry[1])
        if used > 0
    ]
    return Forward(
        attendees=shape.attendees,
        presenters=shape.cameras,
        microphones=shape.speakers,
        workers=shape.workers,
        seconds=seconds,
        packets=packets,
        packets_per_second=packets / seconds,
        delivered=packets / max(1, (last.sent - first.sent) * shape.attendees),
        us_per_packet=sum(cpu.values()) / packets / 1000,
        us_by_second=[_us_per_packet(*pair) for pair in itertools.pairwise(_seconds(marks))],
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
        video=latency(end, "video"),
        audio=latency(end, "audio"),
        load_busy=(end["cpu_ns"] - start["cpu_ns"]) / 1e9 / seconds,
        stolen=(last.stolen - first.stolen) / seconds,
        slow=(end["slow_ns"] - start["slow_ns"]) / 1e9 / seconds,
        steady=_steady(marks),
    )


def _seconds(marks: Sequence[Mark]) -> Sequence[Mark]:
    """Those at full seconds; the last second takes in what is left over."""
    whole = (len(marks) - 1) // MARKS_PER_SECOND
    return [*(marks[second * MARKS_PER_SECOND] for second in range(max(1, whole))), marks[-1]]


def _steady(marks: Sequence[Mark]) -> Steady | None:
    end = marks[-1].load
    timed = end["video_timed"] + end["audio_timed"]
    steady = end["steady_video_timed"] + end["steady_audio_timed"]
    if not is_steady(end):
        return None
    pairs = [
        (start, end)
        for start, end in itertools.pairwise(marks)
        if start.load["slow_ns"] == end.load["slow_ns"]
    ]
    cpu = sum(sum(end.cpu.values()) - sum(start.cpu.values()) for start, end in pairs)
    packets = sum(end.packets - start.packets for start, end in pairs)
    enough = packets > ENOUGH * (marks[-1].packets - marks[0].packets)
    return Steady(
        cpu / packets / 1000 if enough else None,
        latency(end, "steady_video"),
        latency(end, "steady_audio"),
        steady / timed,
    )


def is_steady(snapshot: "Snapshot") -> bool:
    """Whether enough packets came while the machine was not slow to speak for all."""
    return (
        snapshot["steady_video_timed"] > ENOUGH * snapshot["video_timed"]
        and snapshot["steady_audio_timed"] > ENOUGH * snapshot["audio_timed"]
    )


def _us_per_packet(start: Mark, end: Mark) -> float:
    used = sum(end.cpu.values()) - sum(start.cpu.values())
    return used / max(1, end.packets - start.packets) / 1000


def latency(snapshot: "Snapshot", kind: str) -> Latency:
    """Of `kind` "video", "audio", "steady_video" or "steady_audio", since they were begun anew."""
    values: dict[str, int] = dict(snapshot)  # type: ignore[arg-type]
    return Latency(*(values[f"{kind}_{name}_ns"] / 1e6 for name in ("p50", "p99", "max")))
