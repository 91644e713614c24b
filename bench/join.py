"""A join storm: everybody comes within seconds, and each wants to see something."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from sfu.bench import peers
from sfu.bench.clients import Clients
from sfu.bench.errors import BenchError, ClientError
from sfu.bench.results import quantile
from sfu.bench.room import Progress, Room, prepare
from sfu.bench.shape import Shape

GOAL_P95: Final = 1.5
"""Seconds from the socket to the first packet of a picture."""
PATIENCE: Final = 20.0
"""Seconds for the first packet after the transport is connected."""
OWN_KEYFRAME_EVERY: Final = 10.0
"""Seconds between the keyframes that a presenter makes by itself."""


@dataclass(frozen=True, slots=True)
class Storm:
    """What came of it; times in seconds."""

    attendees: int
    cameras: int
    seconds: float
    """From the first arrival to the last one's first picture."""
    joined: int
    errors: Sequence[str]
    p50: float
    p95: float
    most: float
    stages: Mapping[str, float]
    """Median of each part of a join."""
    keyframes: int
    """That presenters made meanwhile, their own ones included."""
    keyframe_requests: int
    busy: Mapping[str, float]
    """Share of a core by thread of the server, the five busiest."""
    load_busy: float
    lost: int
    times: Sequence[tuple[float, float]]
    """When each arrived, and how long it took."""

    def missed(self) -> list[str]:
        """The goals that were not reached, in words."""
        allowed = self.cameras * (self.seconds / 2 + self.seconds // OWN_KEYFRAME_EVERY + 1)
        goals = [
            (self.joined < self.attendees, f"{self.attendees - self.joined} did not get in"),
            (self.p95 > GOAL_P95, f"p95 {self.p95:.2f} s, not {GOAL_P95}"),
            (self.keyframes > allowed, f"{self.keyframes} keyframes, not {allowed:.0f}"),
            (self.lost > 0, f"{self.lost} packets lost"),
        ]
        return [text for is_missed, text in goals if is_missed]

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""
        return {**asdict(self), "missed": self.missed()}


def measure(shape: Shape, seconds: float, progress: Progress) -> Storm:
    """`shape.attendees` arrive evenly within `seconds`. Raises BenchError."""
    core, _ = prepare(shape)
    with peers.make("sfu", core, shape) as server:
        return asyncio.run(_storm(server, shape, seconds, progress))


async def _storm(server: peers.Server, shape: Shape, seconds: float, progress: Progress) -> Storm:
    async with Room(server, shape, progress) as room:
        before, start = room.mark(), time.monotonic()
        times: list[tuple[float, float]] = []
        errors: list[str] = []

        async def arrive(number: int) -> None:
            at = start + seconds * number / shape.attendees
            await asyncio.sleep(at - time.monotonic())
            try:
                endpoint = await room.clients.add_attendee(number)
                async with asyncio.timeout(PATIENCE):
                    seen = await room.endpoints.picture(endpoint)
                times.append((at - start, seen - at))
            except (ClientError, TimeoutError) as error:
                errors.append(str(error) or f"attendee {number}: no picture")
            progress("joining", (len(times) + len(errors)) / shape.attendees)

        await asyncio.gather(*(arrive(number) for number in range(shape.attendees)))
        after, passed = room.mark(), time.monotonic() - start
        await room.wait("settling", 2.0)
        end = room.mark().load
        assert isinstance(room.clients, Clients)
        stages = room.clients.stages
    if not times:
        raise BenchError(f"nobody got in: {errors[0]}")
    used = {name: ns - before.cpu.get(name, 0) for name, ns in after.cpu.items()}
    busiest = sorted(used.items(), key=lambda entry: -entry[1])[:5]
    took = [each for _, each in times]
    return Storm(
        attendees=shape.attendees,
        cameras=shape.cameras,
        seconds=passed,
        joined=len(times),
        errors=errors[:5],
        p50=quantile(took, 0.5),
        p95=quantile(took, 0.95),
        most=max(took),
        stages={name: quantile(each, 0.5) for name, each in stages.items()},
        keyframes=after.load["keyframes"] - before.load["keyframes"],
        keyframe_requests=after.load["keyframe_requests"] - before.load["keyframe_requests"],
        busy={name: ns / 1e9 / passed for name, ns in busiest},
        load_busy=(after.load["cpu_ns"] - before.load["cpu_ns"]) / 1e9 / passed,
        lost=end["expected"] - end["received"],
        times=sorted(times),
    )
