"""What is particular to Redis."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError

from sfu.participant import Role
from sfu.store import StoreError, commits
from sfu.store import redis as redis_store
from sfu.store.records import LastSeen, Stay, Totals
from sfu.store.redis import RedisStore
from sfu.store.writes import Enqueue, OpenStay, SaveBan, SaveRoom, TouchStays
from tests.sfu.store.redis_server import RedisServer


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    """One of its own, to be killed."""
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def store(server: RedisServer) -> AsyncIterator[RedisStore]:
    """An open one on that server."""
    store = RedisStore(server.url)
    await store.open()
    yield store
    await store.close()


async def test_commits_wait_for_a_server_that_is_being_restarted(
    server: RedisServer, store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_store, "PAUSE", 0.05)
    await store.commit([SaveRoom("acme", "a", {}, 1)])
    server.kill()
    waiting = store.submit([SaveRoom("acme", "b", {}, 1)])
    with pytest.raises(StoreError):
        await store.rooms()
    await asyncio.sleep(0.2)
    assert not waiting.done()
    server.start()
    await asyncio.wait_for(waiting, 10)
    assert {room.id for room in await store.rooms()} == {"a", "b"}


async def test_a_server_that_stays_away_is_told(
    server: RedisServer, store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_store, "PAUSE", 0.001)
    server.kill()
    with pytest.raises(StoreError):
        await store.commit([SaveRoom("acme", "b", {}, 1)])


async def test_a_batch_whose_answer_was_lost_is_not_done_twice(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_store, "PAUSE", 0.001)
    run, lost = store._run, iter([True, True])

    async def losing(arguments: tuple[str | int, ...]) -> str:
        answer = await run(arguments)
        if next(lost, False):
            raise ConnectionError("lost")
        return answer

    monkeypatch.setattr(store, "_run", losing)
    await store.commit([Enqueue("acme", "a", "h1", "x", 1.0, {})])
    await store.commit([Enqueue("acme", "a", "h2", "x", 1.0, {})])
    assert [each.id for each in await store.outbox("acme", "a", 10)] == ["h1", "h2"]


async def test_what_is_no_redis_is_told_without_its_address(tmp_path: Path) -> None:
    store = RedisStore("redis://:s3cr3t@127.0.0.1:9/0")
    with pytest.raises(StoreError) as caught:
        await store.open()
    assert "s3cr3t" not in str(caught.value)


async def test_a_database_of_a_later_version_is_left_alone(server: RedisServer) -> None:
    store = RedisStore(server.url)
    await store._call("SET", "sfu:version", 99)
    with pytest.raises(StoreError, match="later"):
        await store.open()
    await store.close()


async def test_a_database_of_the_first_version_keeps_its_stays(server: RedisServer) -> None:
    stay = Stay("p1", "acme", "lobby", "e1", "ann", 1.0, Role.ATTENDEE, 1.0)
    store = RedisStore(server.url)
    await store.open()
    await store.commit([OpenStay(stay)])
    await store._call("HSET", "sfu:stays:seen", "p1", "[1.0,5,6,4.5]")
    assert await store.open_stays() == [LastSeen(stay, 1.0, Totals(5, 6, 4.5))]
    await store.commit([OpenStay(stay)])  # goes on with what was counted
    assert await store.open_stays() == [LastSeen(stay, 1.0, Totals(5, 6, 4.5))]
    await store.commit([TouchStays(6.0, {"p1": Totals(7, 8, 4.0, 60.0)})])
    assert await store.open_stays() == [LastSeen(stay, 6.0, Totals(7, 8, 4.0, 60.0))]
    await store.close()


async def test_a_server_that_may_lose_commits_is_warned_of(
    server: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    store = RedisStore(server.url)
    await store.open()
    assert "may lose" not in "".join(capsys.readouterr())
    await store._call("CONFIG", "SET", "appendfsync", "everysec")
    await store.close()
    store = RedisStore(server.url)
    await store.open()
    assert "may lose" in "".join(capsys.readouterr())
    with contextlib.suppress(StoreError):
        await store.close()


async def test_all_keys_have_our_prefix(store: RedisStore) -> None:
    await store.commit([Enqueue("acme", "a", "h1", "x", 1.0, {}), SaveRoom("acme", "a", {}, 1)])
    assert {key.split(":")[0] for key in await store._call("KEYS", "*")} == {"sfu"}


async def test_what_is_kept_waits_for_memory_and_what_cannot_be_done_does_not(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "PAUSE", 0.01)
    await store._call("CONFIG", "SET", "maxmemory", "1")
    kept = store.keep([SaveRoom("acme", "a", {}, 1)])
    with pytest.raises(StoreError):
        await store.commit([SaveRoom("acme", "b", {}, 1)])
    assert not kept.done()
    await store._call("CONFIG", "SET", "maxmemory", "0")
    await kept
    assert [room.id for room in await store.rooms()] == ["a"]
    await store._call("SET", "sfu:bans:acme/a", "of the wrong type")
    with pytest.raises(StoreError, match="WRONGTYPE"):
        await store.keep([SaveBan("acme", "a", "eve", 1.0)])


async def test_what_is_kept_waits_for_replicas_and_is_done_once(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "PAUSE", 0.01)
    await store._call("CONFIG", "SET", "min-replicas-to-write", "1")
    kept = store.keep([Enqueue("acme", "a", "h1", "x", 1.0, {})])
    with pytest.raises(StoreError, match="NOREPLICAS"):
        await store.commit([SaveRoom("acme", "b", {}, 1)])
    assert not kept.done()
    await store._call("CONFIG", "SET", "min-replicas-to-write", "0")
    await asyncio.wait_for(kept, 5)
    assert [each.id for each in await store.outbox("acme", "a", 10)] == ["h1"]


async def test_a_commit_that_cannot_be_done_harms_no_other(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_store, "PAUSE", 0.001)
    await store._call("SET", "sfu:bans:acme/a", "of the wrong type")
    run, lost = store._run, iter([True])

    async def losing(arguments: tuple[str | int, ...]) -> str:
        answer = await run(arguments)
        if next(lost, False):
            raise ConnectionError("lost")
        return answer

    monkeypatch.setattr(store, "_run", losing)
    good = [store.keep([Enqueue("acme", "a", "h1", "x", 1.0, {})])]
    bad = store.keep([SaveBan("acme", "a", "eve", 1.0), SaveRoom("acme", "bad", {}, 1)])
    good.append(store.keep([Enqueue("acme", "a", "h2", "x", 1.0, {})]))
    with pytest.raises(StoreError, match="WRONGTYPE"):
        await bad
    await asyncio.gather(*good)
    assert [each.id for each in await store.outbox("acme", "a", 10)] == ["h1", "h2"]
