"""A lossy, slow, narrow link in user space: a UDP relay between a browser and the server.

The kernel may have no netem, and a test must lose the same share everywhere, so the link is a
relay with a seeded generator. It rewrites nothing. The browser is led to it by the page
(see probe.js), the server just sees another client address: an ICE-lite server answers a check
wherever it comes from.
"""

import asyncio
import math
import random
from collections.abc import Callable
from dataclasses import dataclass

Address = tuple[str, int]

QUEUE = 0.3
"""Seconds of packets that wait for a narrow direction; what comes on top is lost."""


@dataclass
class Direction:
    """Packets of one direction since the start."""

    passed: int = 0
    lost: int = 0
    rate: float = math.inf
    """bit/s, to be changed at any time."""
    free_at: float = 0.0
    """When all that waits has left."""

    def queue(self, size: int, now: float) -> float | None:
        """Seconds until a packet of `size` bytes has left, None when there is no room for it."""
        left = max(now, self.free_at) + 8 * size / self.rate
        if left - now > QUEUE:
            return None
        self.free_at = left
        return left - now


class Link:
    """What all packets between one browser and the server go through.

    `loss` is the probability that a packet is lost, `delay` the seconds it takes; both count for
    each direction and may be changed at any time. A delay does not reorder.
    """

    def __init__(self, *, loss: float = 0.0, delay: float = 0.0, seed: int = 1) -> None:
        self.loss = loss
        self.delay = delay
        self.up = Direction()
        self.down = Direction()
        self._random = random.Random(seed)
        self._relays: list[_Relay] = []

    async def lead(self, target: Address, at: Address = ("127.0.0.1", 0)) -> Address:
        """Begins to relay to a port of the server; gives the address that stands for it now."""
        relay = _Relay(self, target)
        self._relays.append(relay)
        return await relay.open(at)

    async def close(self) -> None:
        """Ends all relaying; what is under way is lost."""
        for relay in self._relays:
            relay.close()
        await asyncio.sleep(0)

    def cut(self) -> int:
        """The clients' addresses of so far are good for nothing any more, as when a network is left
        for another; gives how many those are."""
        return sum(relay.cut() for relay in self._relays)

    def carry(self, direction: Direction, size: int, send: Callable[[], None]) -> None:
        """Sends a packet of `size` bytes, later or never, as the link is now."""
        loop = asyncio.get_running_loop()
        waits = direction.queue(size, loop.time())
        if waits is None or self._random.random() < self.loss:
            direction.lost += 1
            return
        direction.passed += 1
        if waits + self.delay > 0:
            loop.call_later(waits + self.delay, send)
        else:
            send()


class _Relay:
    """One port of the server. Each client address has a socket of its own towards it, so that the
    server tells them apart."""

    def __init__(self, link: Link, target: Address) -> None:
        self._link = link
        self._target = target
        self._near: asyncio.DatagramTransport
        self._far: dict[Address, asyncio.DatagramTransport] = {}
        self._early: dict[Address, list[bytes]] = {}
        self._opening: set[asyncio.Task[None]] = set()
        self._cut: set[Address] = set()

    async def open(self, at: Address) -> Address:
        """Opens the socket that browsers send to; gives its address."""
        self._near, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Receiver(self._from_client), local_addr=at
        )
        host, port = self._near.get_extra_info("sockname")[:2]
        return host, port

    def close(self) -> None:
        """Closes all sockets."""
        for task in self._opening:
            task.cancel()
        for transport in (self._near, *self._far.values()):
            transport.close()

    def cut(self) -> int:
        """No packet from or to the clients' addresses of so far passes any more."""
        self._cut.update(self._far)
        return len(self._cut)

    def _from_client(self, data: bytes, client: Address) -> None:
        if client in self._cut:
            return
        if client in self._far:
            self._up(data, client)
        elif client in self._early:
            self._early[client].append(data)
        else:
            self._early[client] = [data]
            task = asyncio.get_running_loop().create_task(self._open_far(client))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open_far(self, client: Address) -> None:
        self._far[client], _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Receiver(lambda data, _: self._down(data, client)), remote_addr=self._target
        )
        for data in self._early.pop(client):
            self._up(data, client)

    def _up(self, data: bytes, client: Address) -> None:
        far = self._far[client]
        self._link.carry(self._link.up, len(data), lambda: _send(far, data, None))

    def _down(self, data: bytes, client: Address) -> None:
        if client in self._cut:
            return
        self._link.carry(self._link.down, len(data), lambda: _send(self._near, data, client))


def _send(transport: asyncio.DatagramTransport, data: bytes, to: Address | None) -> None:
    # A delayed packet may outlive the link.
    if not transport.is_closing():
        transport.sendto(data, to)


class _Receiver(asyncio.DatagramProtocol):
    def __init__(self, receive: Callable[[bytes, Address], None]) -> None:
        self._receive = receive

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._receive(data, (addr[0], addr[1]))

    def error_received(self, exc: Exception) -> None:
        """A refused datagram is a lost one."""
