"""Whose a Redis database is, on a real server."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from sfu.store import StoreLost, StoreTaken
from sfu.store.redis import RedisStore
from sfu.store.writes import SaveRoom
from tests.sfu.store.conftest import flush
from tests.sfu.store.redis_server import RedisServer

ROOT = Path(__file__).parents[3]
LONG = 45.0
"""A lease that does not lapse while a test lasts."""

Make = Callable[[float], RedisStore]


@pytest.fixture
async def make(redis_server: RedisServer) -> AsyncIterator[Make]:
    """Makes stores on one database with a lease of so many seconds, and closes them."""
    flush(redis_server.port)
    made = []

    def make(lease: float) -> RedisStore:
        made.append(RedisStore(redis_server.url, lease=lease))
        return made[-1]

    yield make
    for store in made:
        await store.close()


async def stall(store: RedisStore) -> None:
    """It renews nothing any more, and its lease is over."""
    assert store._lease._renewal is not None
    store._lease._renewal.cancel()
    while await store._call("EXISTS", "sfu:owner"):  # noqa: ASYNC110  # nothing tells of it
        await asyncio.sleep(0.005)


async def ids(store: RedisStore) -> set[str]:
    return {room.id for room in await store.rooms()}


async def test_who_comes_second_is_told_by_whom_they_are_kept_out(make: Make) -> None:
    first, second = make(2.0), make(2.0)
    await first.open()
    with pytest.raises(StoreTaken, match=r"process \d+ on .*, since 20.* has it: stop that one"):
        await second.open()
    await first.commit([SaveRoom("acme", "a", {}, 1)])
    assert await ids(first) == {"a"}


async def test_who_was_followed_writes_over_nothing(make: Make) -> None:
    first, second = make(0.1), make(LONG)
    lost: list[str] = []
    first.when_lost(lambda: lost.append("first"))
    second.when_lost(lambda: lost.append("second"))
    await first.open()
    await first.commit([SaveRoom("acme", "a", {}, 1)])
    await stall(first)
    await second.open()
    await second.commit([SaveRoom("acme", "b", {}, 1)])
    for write in (first.submit, first.keep):  # neither waits for better times
        with pytest.raises(StoreLost):
            await asyncio.wait_for(write([SaveRoom("acme", "b", {"stale": True}, 2)]), 5)
    await first.close()  # and takes nothing from who has it
    await second.commit([SaveRoom("acme", "c", {}, 1)])
    assert {(room.id, room.version) for room in await second.rooms()} == {
        ("a", 1), ("b", 1), ("c", 1),
    }  # fmt: skip
    assert lost == ["first"]


async def test_who_was_followed_learns_of_it_without_writing(make: Make) -> None:
    first, second = make(0.2), make(LONG)
    lost = asyncio.Event()
    first.when_lost(lost.set)
    await first.open()
    await first._call("DEL", "sfu:owner")  # as after a stall
    await second.open()
    await asyncio.wait_for(lost.wait(), 5)


async def test_a_lease_that_lapsed_is_ones_own_while_nobody_has_taken_it(make: Make) -> None:
    first, second = make(0.1), make(0.1)
    await first.open()
    await stall(first)
    await first.commit([SaveRoom("acme", "a", {}, 1)])
    assert await first._lease._run("renew") == []
    await second.open()  # not renewed again: lapses
    with pytest.raises(StoreLost):
        await first.commit([SaveRoom("acme", "a", {}, 2)])


async def test_who_works_on_a_database_that_was_emptied_goes_on(
    make: Make, redis_server: RedisServer
) -> None:
    store = make(0.2)
    await store.open()
    flush(redis_server.port)
    await store.commit([SaveRoom("acme", "a", {}, 1)])
    while not await store._call("EXISTS", "sfu:owner"):  # noqa: ASYNC110  # nothing tells of it
        await asyncio.sleep(0.005)
    await store.commit([SaveRoom("acme", "b", {}, 1)])
    assert await ids(store) == {"a", "b"}


async def test_a_server_that_was_stopped_keeps_nobody_out(make: Make) -> None:
    first, second = make(LONG), make(LONG)
    await first.open()
    await first.close()
    await asyncio.wait_for(second.open(), 5)


async def test_a_server_that_was_killed_here_keeps_nobody_out(
    make: Make, redis_server: RedisServer
) -> None:
    program = (
        "import asyncio, os, sys; from sfu.store.redis import RedisStore\n"
        "async def main():\n"
        f"    await RedisStore(sys.argv[1], lease={LONG}).open(); os._exit(9)\n"
        "asyncio.run(main())"
    )
    words = ("-c", program, redis_server.url)
    ended = await asyncio.create_subprocess_exec(sys.executable, *words, cwd=ROOT)
    assert await ended.wait() == 9
    store = make(LONG)
    assert await store._call("PTTL", "sfu:owner") > 10_000
    await asyncio.wait_for(store.open(), 5)


async def test_looking_who_has_it_changes_nothing(make: Make) -> None:
    first = make(LONG)
    assert await make(LONG).look() is None
    await first.open()
    assert await make(LONG).look() == first._lease.owner
    await first.commit([SaveRoom("acme", "a", {}, 1)])
