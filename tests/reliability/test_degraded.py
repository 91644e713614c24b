"""What the machine runs out of: who is in stays in, who comes waits, and then all is as before."""

import asyncio
import contextlib
import os
import resource
import socket
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from sfu.bench.chaos.line import Line
from sfu.bench.daemon import Daemon
from tests.sfu.hook_receiver import WEBHOOK_SECRET, receiving
from tests.sfu.store.redis_server import RedisServer
from tests.waiting import until

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


async def until_it_is_over(server: Daemon, trouble: AbstractContextManager[None]) -> None:
    """Who is in goes on meanwhile, who comes is in when it is over, and so is their usage kept."""
    anna = await joined(server, "Anna", "here")
    with trouble:
        ben = asyncio.create_task(joined(server, "Ben", "elsewhere"))
        # Nothing of this is written: it is done at once.
        for _ in range(20):
            assert (await anna.request("ping"))["type"] == "ok"
            await asyncio.sleep(0.02)
        assert not ben.done()
    for line in (anna, await ben):
        assert (await line.request("leave"))["type"] == "ok"
        await line.close()

    def reasons() -> list[str]:
        return [each["reason"] for each in server.usage() if each["kind"] == "participant"]

    # Nobody who leaves waits for the store: it may still be catching up.
    await until(lambda: len(reasons()) == 2)
    assert reasons() == ["left", "left"]


async def test_where_nothing_can_be_written_joins_wait(server: Daemon) -> None:
    # Neither to the store nor to the log.
    await until_it_is_over(server, limited(server, resource.RLIMIT_FSIZE, 0))


@contextlib.contextmanager
def disk(folder: Path) -> Iterator[None]:
    """A small one there."""
    if os.geteuid() != 0:
        pytest.fail("mounting needs root (CAP_SYS_ADMIN)")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "test", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Nothing more fits on the disk meanwhile."""
    ballast = folder / "ballast"
    file = os.open(ballast, os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while True:
            os.write(file, bytes(4096))
    os.close(file)
    assert os.statvfs(folder).f_bavail == 0
    try:
        yield
    finally:
        ballast.unlink()


async def test_with_a_full_disk_joins_wait_for_room_on_it(tmp_path: Path) -> None:
    settings = {"SFU_STORE__PATH": str(tmp_path / "sfu.sqlite")}
    with disk(tmp_path), Daemon(None, settings) as server:
        await until_it_is_over(server, filled(tmp_path))


@contextlib.contextmanager
def away(redis: RedisServer) -> Iterator[None]:
    """It is killed, and started again."""
    redis.kill()
    try:
        yield
    finally:
        redis.start()


async def test_without_redis_joins_wait_and_without_a_backend_webhooks(tmp_path: Path) -> None:
    # Bound for the whole test, so that nobody else gets the port; who connects is refused until
    # it listens.
    place = socket.socket()
    place.bind(("127.0.0.1", 0))
    redis = RedisServer(tmp_path)
    redis.start()
    settings = {
        "SFU_STORE__URL": redis.url,
        "SFU_TENANTS__DEV__WEBHOOK_URL": f"http://127.0.0.1:{place.getsockname()[1]}/hook",
        "SFU_TENANTS__DEV__WEBHOOK_SECRET": WEBHOOK_SECRET,
    }
    try:
        with Daemon(None, settings) as server:
            await until_it_is_over(server, away(redis))
            await until(lambda: server.metric("sfu_webhooks_total") > 0)  # in vain
            async with receiving(place) as receiver:
                await receiver.until("participant.left", 2)
                server.stop()
    finally:
        redis.kill()
        place.close()
    for room in ("here", "elsewhere"):
        told = [body["event"] for body in receiver.bodies if body["room"] == room]
        assert [name for name in told if name != "usage"][:4] == [
            "room.created", "room.started", "participant.joined", "participant.left",
        ]  # fmt: skip
