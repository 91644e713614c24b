"""What is particular to the file."""

import asyncio
import os
import sqlite3
import stat
import threading
import time
from pathlib import Path

import pytest

from sfu.bandwidth.stills import Freezes
from sfu.participant import Role
from sfu.store import StoreError, StoreTaken
from sfu.store import sqlite as sqlite_store
from sfu.store.operations import Operation, encode
from sfu.store.records import LastSeen, Stay, Totals
from sfu.store.sqlite import SqliteStore
from sfu.store.tables import MIGRATIONS
from sfu.store.writes import Enqueue, OpenStay, SaveRoom, TouchStays

NOW = 1_700_000_000.0
STAY = Stay("p1", "acme", "lobby", "e1", "ann", NOW, Role.ATTENDEE, NOW)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sfu.sqlite"


async def test_two_processes_do_not_share_a_file(path: Path) -> None:
    first, second = SqliteStore(path), SqliteStore(path)
    await first.open()
    by = rf"process {os.getpid()} on .*, since 20.* has .*sfu.sqlite: stop that one"
    with pytest.raises(StoreTaken, match=by):
        await second.open()
    link = path.with_name("link.sqlite")
    link.symlink_to(path)
    with pytest.raises(StoreTaken):
        await SqliteStore(link).open()
    await first.commit([SaveRoom("acme", "a", {}, 1)])
    await first.close()
    third = SqliteStore(path)
    await third.open()
    assert len(await third.rooms()) == 1
    await third.close()


@pytest.mark.parametrize("what", ["folder", "nowhere", "garbage"])
async def test_what_is_no_database_is_told(tmp_path: Path, what: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "garbage").write_bytes(b"garbage " * 1000)
    path = tmp_path / what if what != "nowhere" else tmp_path / "no" / "such"
    store = SqliteStore(path)
    with pytest.raises(StoreError, match=what if what != "nowhere" else "such"):
        await store.open()


async def test_a_file_of_a_later_version_is_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="later version"):
        await SqliteStore(path).open()


async def test_a_file_is_brought_up_to_date_once(path: Path) -> None:
    for _ in range(2):
        store = SqliteStore(path)
        await store.open()
        await store.close()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


async def test_a_file_of_the_first_version_keeps_its_stays(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(f"{MIGRATIONS[0]};PRAGMA user_version = 1")
    (operation,) = encode([OpenStay(STAY)])
    _, id, tenant, event, _, _, body, seen_at = operation
    columns = "id, tenant, event, body, seen_at, bytes_sent, bytes_received, quality"
    connection.execute(
        f"INSERT INTO stays ({columns}) VALUES (?, ?, ?, ?, ?, 5, 6, 4.5)",
        (id, tenant, event, body, seen_at),
    )
    connection.commit()
    connection.close()
    store = SqliteStore(path)
    await store.open()
    assert await store.open_stays() == [LastSeen(STAY, STAY.since, Totals(5, 6, 4.5))]
    totals = Totals(7, 8, 4.0, 60.0, Freezes(1, 2, 3, 0.5, 1.5, 2.5))
    await store.commit([TouchStays(STAY.since + 5, {"p1": totals})])
    assert await store.open_stays() == [LastSeen(STAY, STAY.since + 5, totals)]
    await store.close()


async def test_nobody_else_reads_the_file(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    await store.commit([SaveRoom("acme", "a", {}, 1)])
    files = list(path.parent.glob("sfu.sqlite*"))
    assert {file.name for file in files} >= {"sfu.sqlite", "sfu.sqlite-wal"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    await store.close()


async def test_a_commit_that_cannot_be_done_harms_no_other(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    good = [store.submit([SaveRoom("acme", f"r{n}", {}, n)]) for n in range(3)]
    # A number too large for SQLite, after something that could be done.
    bad = store.submit([SaveRoom("acme", "bad", {}, 1), SaveRoom("acme", "worse", {}, 2**70)])
    good += [store.submit([SaveRoom("acme", f"r{n}", {}, n)]) for n in range(3, 6)]
    with pytest.raises(StoreError):
        await bad
    await asyncio.gather(*good)
    assert {room.id for room in await store.rooms()} == {f"r{n}" for n in range(6)}
    await store.close()


async def test_a_full_disk_is_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_store, "PAUSE", 0.01)
    store = SqliteStore(path)
    await store.open()
    attempts, transact = iter(range(100)), store._transact

    def full(batch: list[list[Operation]]) -> None:
        if next(attempts) < fails:
            raise sqlite3.OperationalError("database or disk is full")
        transact(batch)

    monkeypatch.setattr(store, "_transact", full)
    fails = 3
    await store.commit([SaveRoom("acme", "a", {}, 1)])
    fails = 50
    failed = [store.submit([SaveRoom("acme", "b", {}, n)]) for n in range(3)]
    with pytest.raises(StoreError, match="disk is full"):
        await failed[0]
    assert all(isinstance(commit.exception(), StoreError) for commit in failed)
    fails = 0
    await store.commit([SaveRoom("acme", "c", {}, 1)])
    assert {room.id for room in await store.rooms()} == {"a", "c"}
    await store.close()


async def test_the_event_loop_does_not_wait_for_the_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore(path)
    await store.open()
    transact, threads = store._transact, set()

    def slow(batch: list[list[Operation]]) -> None:
        threads.add(threading.current_thread())
        time.sleep(0.2)
        transact(batch)

    monkeypatch.setattr(store, "_transact", slow)
    done = store.submit([Enqueue("acme", "a", "h", "x", 1.0, {}), TouchStays(1.0, {})])
    turns = 0
    while not done.done():
        await asyncio.sleep(0.005)
        turns += 1
    assert turns > 10
    assert threading.main_thread() not in threads
    await store.close()


async def test_many_commits_share_one_wait_for_the_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore(path)
    await store.open()
    transact, batches = store._transact, list[int]()

    def counted(batch: list[list[Operation]]) -> None:
        batches.append(len(batch))
        transact(batch)

    monkeypatch.setattr(store, "_transact", counted)
    await asyncio.gather(*(store.commit([SaveRoom("acme", "a", {}, n)]) for n in range(1000)))
    assert sum(batches) == 1000
    assert len(batches) <= 3
    await store.close()
