"""What happens to a room, at random: everything at its own rate, from one seed."""

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from sfu.bench.chaos.guest import Guest, Place
from sfu.bench.chaos.strangers import KINDS, flood, knock

AWAY: Final = 3.0
"""Seconds that a socket is away at most; the server keeps the seat for longer."""
LOSS: Final = 0.2
LOSS_SECONDS: Final = 8.0
FLOOD: Final = 20_000
"""Datagrams a second."""
FLOOD_SECONDS: Final = 3.0
SOCKETS: Final = 100
"""That say nothing, or bring a token that is not good."""


class Victim(Protocol):
    """The server."""

    @property
    def pid(self) -> int:
        """Of its process."""

    def interrupt(self, number: signal.Signals) -> None:
        """Has a worker panic."""

    udp_ports: Sequence[int]
    """Of media."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that has happened."""

    at: float
    what: str


class Troubles:
    """Makes trouble for the guests there are, until it is cancelled."""

    def __init__(
        self, place: Place, victim: Victim, guests: Callable[[], Sequence[Guest]], seed: int
    ) -> None:
        self.events: list[Event] = []
        self.counts: Counter[str] = Counter()
        self._place = place
        self._victim = victim
        self._guests = guests
        self._chance = random.Random(seed)
        self._start = time.monotonic()
        self._kinds: dict[str, Callable[[], Awaitable[None]]] = {
            "address": self._address,
            "network": self._network,
            "ICE restart": self._ice_restart,
            "loss": self._loss,
            "flood": self._flood,
            "sockets": self._sockets,
            "panic": self._panic,
        }

    async def run(self, every: dict[str, float]) -> None:
        """Each kind after so many seconds in the mean."""
        async with asyncio.TaskGroup() as group:
            for kind, mean in every.items():
                group.create_task(self._again(kind, mean))

    async def _again(self, kind: str, mean: float) -> None:
        while True:
            # Never at once again, and never not at all for long.
            await asyncio.sleep(mean * (0.5 + self._chance.random()))
            self.events.append(Event(time.monotonic() - self._start, kind))
            self.counts[kind] += 1
            await self._kinds[kind]()

    def _some(self, share: float) -> list[Guest]:
        guests = [each for each in self._guests() if each.present]
        return self._chance.sample(guests, min(len(guests), 1 + int(share * len(guests))))

    async def _address(self) -> None:
        for guest in self._some(0.05):
            guest.move()

    async def _network(self) -> None:
        for guest in self._some(0.05):
            guest.cut(self._chance.uniform(0.1, AWAY))

    async def _ice_restart(self) -> None:
        await asyncio.gather(*(guest.restart_ice() for guest in self._some(0.05)))

    async def _loss(self) -> None:
        engine = self._place.endpoints.engine
        endpoints = [each for guest in self._some(0.2) for each in guest.endpoints]
        for endpoint in endpoints:
            engine.impair(endpoint, self._chance.uniform(0.01, LOSS))
        await asyncio.sleep(LOSS_SECONDS)
        for endpoint in endpoints:
            engine.impair(endpoint, 0.0)

    async def _flood(self) -> None:
        ports = self._victim.udp_ports
        make, seed = self._chance.choice(KINDS), self._chance.getrandbits(32)
        await asyncio.to_thread(flood, "127.0.0.1", ports, make, FLOOD, FLOOD_SECONDS, seed)

    async def _sockets(self) -> None:
        place = self._place
        knocks = [knock(place.url, place.room, number % 2) for number in range(SOCKETS)]
        place.faults += [fault for fault in await asyncio.gather(*knocks) if fault]

    async def _panic(self) -> None:
        self._victim.interrupt(self._chance.choice([signal.SIGUSR1, signal.SIGUSR2]))
