"""Both stores, empty; Redis on a real server that keeps an append-only file."""

import asyncio
import contextlib
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from sfu.store import Store, make_store
from sfu.store.records import Retention

REDIS_PORTS = range(8060, 8080)

MakeStore = Callable[[], Store]


class RedisServer:
    """One server in a folder of its own, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("redis-server")
        if program is None:
            pytest.fail(
                "redis-server is missing. Debian: apt-get install redis-server", pytrace=False
            )
        self.folder = folder
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers."""
        options = {
            "port": self.port,
            "bind": "127.0.0.1",
            "dir": self.folder,
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "logfile": "redis.log",
        }
        words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        self._process = subprocess.Popen([self._program, *words])
        for _ in range(500):
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port)) as s,
            ):
                s.sendall(b"PING\r\n")
                if s.recv(16).startswith(b"+PONG"):
                    return
            if self._process.poll() is not None:
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.02)
        pytest.fail((self.folder / "redis.log").read_text())

    def kill(self) -> None:
        """As kill -9 does it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _free_port() -> int:
    for port in REDIS_PORTS:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    pytest.fail("no port is free for Redis")


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(params=["sqlite", "redis"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> MakeStore:
    """Makes a store on the same, at first empty place every time."""
    retention = Retention(usage_per_tenant=5, webhooks_per_room=5)
    if request.param == "sqlite":
        return lambda: make_store(tmp_path / "sfu.sqlite", "", retention)
    server: RedisServer = request.getfixturevalue("redis_server")
    _flush(server.port)
    return lambda: make_store("", server.url, retention)


def _flush(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"FLUSHALL\r\n")
        assert connection.recv(16).startswith(b"+OK")


@pytest.fixture
async def store(make: MakeStore) -> AsyncIterator[Store]:
    store = make()
    await store.open()
    yield store
    await asyncio.wait_for(store.close(), 10)
