"""Both stores, empty; Redis on a real server that keeps an append-only file."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from sfu.store import Store, make_store
from sfu.store.records import DAY, Retention
from tests.sfu.store.redis_server import RedisServer

MakeStore = Callable[[], Store]


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(params=["sqlite", "redis"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> MakeStore:
    """Makes a store on the same, at first empty place every time."""
    retention = Retention(
        usage_per_tenant=5, webhooks=DAY, webhooks_per_room=5, events_per_room=100
    )
    if request.param == "sqlite":
        return lambda: make_store(tmp_path / "sfu.sqlite", "", retention)
    server: RedisServer = request.getfixturevalue("redis_server")
    flush(server.port)
    return lambda: make_store("", server.url, retention)


def flush(port: int) -> None:
    """Nothing is kept there any more."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"FLUSHALL\r\n")
        assert connection.recv(16).startswith(b"+OK")


@pytest.fixture
async def store(make: MakeStore) -> AsyncIterator[Store]:
    store = make()
    await store.open()
    yield store
    await asyncio.wait_for(store.close(), 10)
