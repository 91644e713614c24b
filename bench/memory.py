"""What an attendee costs in resident memory, and what comes back when all have gone."""

import asyncio
from dataclasses import asdict, dataclass
from typing import Any, Final

from sfu.bench import peers
from sfu.bench.clients import Clients
from sfu.bench.room import Progress, Room, gather, prepare
from sfu.bench.shape import Shape

GOAL_KIB: Final = 128.0
HANDSHAKES: Final = 3.0
"""Seconds until OpenSSL's memory of the last handshake has been given back."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident KiB of the server, signaling included."""

    attendees: int
    empty: float
    """With the presenters alone."""
    joined: float
    """A few seconds after the last join."""
    settled: float
    """When the handshakes' memory has been given back."""
    left: float
    """After everybody has gone; an allocator need not give it all back to the kernel."""

    @property
    def each(self) -> float:
        """KiB per attendee."""
        return (self.settled - self.empty) / self.attendees

    @property
    def each_joining(self) -> float:
        """The same while the handshakes' memory is held."""
        return (self.joined - self.empty) / self.attendees

    def missed(self) -> list[str]:
        """The goals that were not reached, in words."""
        is_missed = self.each > GOAL_KIB
        return [f"{self.each:.0f} KiB per attendee, not {GOAL_KIB:.0f}"] if is_missed else []

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""
        derived = {"each": self.each, "each_joining": self.each_joining, "missed": self.missed()}
        return {**asdict(self), **derived}


def measure(shape: Shape, progress: Progress) -> Memory:
    """Raises BenchError."""
    core, _ = prepare(shape)
    with peers.make("sfu", core, shape) as server:
        return asyncio.run(_measure(server, shape, progress))


async def _measure(server: peers.Server, shape: Shape, progress: Progress) -> Memory:
    async with Room(server, shape, progress) as room:
        await room.fill()
        joined = server.memory()
        await room.wait("handshakes", HANDSHAKES)
        settled = server.memory()
        assert isinstance(room.clients, Clients)
        await gather(room.clients.leave(endpoint, politely=True) for endpoint in room.attendees)
        await room.wait("leaving", 3.0)
        left = server.memory()
        empty = room.memory_before
    return Memory(shape.attendees, *(each / 1024 for each in (empty, joined, settled, left)))
