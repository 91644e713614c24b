"""What an audience costs while nobody sends: consent, sockets and ticks."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from sfu.bench import peers
from sfu.bench.room import Progress, Room, prepare
from sfu.bench.shape import Shape

GOAL: Final = 0.03
"""Of one core, per thousand attendees."""
SETTLED: Final = 5.0
"""Seconds after the last join: handshakes have lingered, probes have ended."""


@dataclass(frozen=True, slots=True)
class Idle:
    """Shares of one core."""

    attendees: int
    seconds: float
    busy: float
    threads: Mapping[str, float]
    """By thread of the server, the busiest first."""
    joined_in: float
    """Seconds."""

    def missed(self) -> list[str]:
        """The goals that were not reached, in words."""
        goal = GOAL * max(1.0, self.attendees / 1000)
        return [f"{self.busy:.1%} of a core, not {goal:.1%}"] if self.busy > goal else []

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""
        return {**asdict(self), "missed": self.missed()}


def measure(attendees: int, seconds: float, progress: Progress) -> Idle:
    """Raises BenchError."""
    shape = Shape(attendees, cameras=0)
    core, _ = prepare(shape)
    with peers.make("sfu", core, shape) as server:
        return asyncio.run(_measure(server, shape, seconds, progress))


async def _measure(server: peers.Server, shape: Shape, seconds: float, progress: Progress) -> Idle:
    async with Room(server, shape, progress) as room:
        await room.fill()
        await room.wait("settling", SETTLED)
        before = room.mark()
        await room.wait("idle", seconds)
        after = room.mark()
    passed = (after.load["now_ns"] - before.load["now_ns"]) / 1e9
    used = {name: ns - before.cpu.get(name, 0) for name, ns in after.cpu.items()}
    shares = {name: ns / 1e9 / passed for name, ns in used.items() if ns > 0}
    return Idle(
        attendees=shape.attendees,
        seconds=passed,
        busy=sum(shares.values()),
        threads=dict(sorted(shares.items(), key=lambda entry: -entry[1])),
        joined_in=room.seconds_to_join,
    )
