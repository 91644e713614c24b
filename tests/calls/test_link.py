"""The link emulator itself: what it loses, what it delays, and who is told apart."""

import asyncio
from functools import partial
from typing import cast

import pytest

from tests.calls.link import Address, Direction, Link
from tests.waiting import until


class Echo(asyncio.DatagramProtocol):
    """Sends back what it gets, and remembers from whom."""

    def __init__(self) -> None:
        self.seen: set[Address] = set()
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.seen.add(addr)
        self.transport.sendto(data, addr)


class Client(asyncio.DatagramProtocol):
    """Counts what comes back, and when."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, float]] = []

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.received.append((data, asyncio.get_running_loop().time()))


async def test_loss_delay_and_addresses() -> None:
    loop = asyncio.get_running_loop()
    server, echo = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
    link = Link(delay=0.02)
    leads = await link.lead(server.get_extra_info("sockname")[:2])
    near = [await loop.create_datagram_endpoint(Client, remote_addr=leads) for _ in range(2)]
    start = loop.time()
    for transport, _ in near:
        transport.sendto(b"first")
    await until(lambda: all(client.received for _, client in near))
    assert [[data for data, _ in client.received] for _, client in near] == [[b"first"]] * 2
    assert all(at - start >= 0.04 for _, client in near for _, at in client.received)
    assert len(echo.seen) == 2

    link.loss, link.delay = 0.1, 0.0
    transport, client = near[0]

    def all_seen(sent: int) -> bool:
        return len(client.received) + link.up.lost + link.down.lost == sent

    for first in range(0, 1000, 50):
        for number in range(first, first + 50):
            transport.sendto(number.to_bytes(2, "big"))
        # Else some would be lost in a socket while this process does not run.
        await until(partial(all_seen, first + 51))
    came = [int.from_bytes(data, "big") for data, _ in client.received[1:]]
    assert came == sorted(came)
    assert 60 < link.up.lost < 140
    assert len(came) == 1000 - link.up.lost - link.down.lost
    await link.close()
    for transport in (server, near[0][0], near[1][0]):
        transport.close()


def test_a_narrow_direction_queues_and_drops() -> None:
    direction = Direction(rate=400_000.0)
    waits = [direction.queue(1000, 10.0) for _ in range(50)]
    queued = [pytest.approx(0.02 * (place + 1)) for place in range(15)]
    assert waits == [*queued, *[None] * 35], "300 ms at 50 packets a second"
    assert direction.queue(1000, 10.1) == pytest.approx(0.22)
    assert direction.queue(1000, 20.0) == pytest.approx(0.02)


async def test_what_waits_comes_later_and_what_does_not_fit_never() -> None:
    loop = asyncio.get_running_loop()
    server, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
    link = Link()
    leads = await link.lead(server.get_extra_info("sockname")[:2])
    transport, client = await loop.create_datagram_endpoint(Client, remote_addr=leads)
    link.down.rate = 100_000.0
    start = loop.time()
    for _ in range(50):
        transport.sendto(bytes(1000))
    await until(lambda: len(client.received) + link.down.lost == 50)
    assert link.down.lost > 0
    assert client.received[-1][1] - start > 0.2
    await link.close()
    server.close()
    transport.close()
