"""What the machine runs out of: who is in stays in, who comes waits, and then all is as before."""

import asyncio
import contextlib
import resource
import socket
from collections.abc import Iterator

import pytest

from sfu.bench.chaos.line import Line
from sfu.bench.daemon import Daemon

STRANGERS = 30


@pytest.fixture
def server() -> Iterator[Daemon]:
    """A server of the test's own."""
    with Daemon(None, {}) as server:
        yield server


@contextlib.contextmanager
def limited(server: Daemon, what: int, most: int) -> Iterator[None]:
    """The running server has no more than this meanwhile."""
    before = resource.prlimit(server.pid, what)
    resource.prlimit(server.pid, what, (most, before[1]))
    try:
        yield
    finally:
        resource.prlimit(server.pid, what, before)


async def joined(server: Daemon, name: str, room: str) -> Line:
    """In the room."""
    line = await Line.open(server.signaling_url, name)
    answer = await line.request("join", room=room, name=name, role="organizer")
    assert answer["status"] == "admitted"
    return line


async def test_without_descriptors_nobody_comes_and_nobody_goes(server: Daemon) -> None:
    anna = await joined(server, "Anna", "here")
    with (
        limited(server, resource.RLIMIT_NOFILE, server.descriptors() + 2),
        contextlib.ExitStack() as stack,
    ):
        for _ in range(STRANGERS):
            address = ("127.0.0.1", server.port)
            stack.enter_context(socket.create_connection(address, 1))
        assert (await anna.request("status", value="hand"))["type"] == "ok"
        assert server.descriptors() <= STRANGERS
    ben = await joined(server, "Ben", "here")
    assert (await anna.request("ping"))["type"] == "ok"
    for line in (anna, ben):
        await line.close()


async def test_with_a_full_disk_joins_wait_for_room_on_it(server: Daemon) -> None:
    anna = await joined(server, "Anna", "here")
    with limited(server, resource.RLIMIT_FSIZE, 0):
        ben = asyncio.create_task(joined(server, "Ben", "elsewhere"))
        # Nothing of this is written: it is done at once.
        for _ in range(20):
            assert (await anna.request("ping"))["type"] == "ok"
            await asyncio.sleep(0.02)
        assert not ben.done()
    for line in (anna, await ben):
        assert (await line.request("ping"))["type"] == "ok"
        await line.close()
