"""The store in one SQLite file, with its write-ahead log beside it.

One thread writes and one reads, each with a connection of its own, so that the
event loop never waits for a disk and a long listing never holds up a commit.
`synchronous=FULL` makes a commit durable before it returns.
"""

import asyncio
import contextlib
import fcntl
import math
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from sfu.store.commits import Commits
from sfu.store.errors import StoreError, StoreTaken
from sfu.store.operations import Operation, encode, event_of, milliseconds, stay_of
from sfu.store.owner import Owner
from sfu.store.reading import document_of, page_of
from sfu.store.records import (
    Document,
    Event,
    Idempotent,
    LastSeen,
    Page,
    Retention,
    StoredRoom,
    Totals,
    Undelivered,
)
from sfu.store.tables import FREEZES, Tables, migrate
from sfu.store.writes import Write

ATTEMPTS: Final = 10
PAUSE: Final = 0.5
"""A disk that is full or busy is tried this often, with this many seconds between."""

Row = tuple[object, ...]
Result = TypeVar("Result")


class SqliteStore:
    """A `Store` in the file at `path`, which no other process may write meanwhile."""

    def __init__(self, path: str | Path, retention: Retention | None = None) -> None:
        self.path = Path(path)
        self._retention = retention or Retention()
        self._commits = Commits(self._apply)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store-write")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="store-read")
        self._lock: int | None = None
        self._writing: sqlite3.Connection | None = None
        self._reading: sqlite3.Connection | None = None
        self._tables: Tables | None = None

    def when_lost(self, told: Callable[[], None]) -> None:
        """See `Store.when_lost`: a lock is held as long as the process lives."""

    @property
    def waiting(self) -> int:
        """See `Store.waiting`."""
        return len(self._commits)

    async def open(self) -> None:
        """Makes or migrates the file. Raises StoreError if it cannot be had."""
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._writer, self._open)
            self._reading = await loop.run_in_executor(self._reader, self._connect)
        except StoreTaken:
            await self.close()
            raise
        except (sqlite3.Error, OSError, StoreError) as error:
            await self.close()
            raise StoreError(f"the store {self.path} cannot be opened: {error}") from error
        self._commits.open()

    async def close(self) -> None:
        """Carries out what waits and closes the file. Idempotent."""
        await self._commits.close()
        loop = asyncio.get_running_loop()
        if self._reading is not None:
            await loop.run_in_executor(self._reader, self._reading.close)
            self._reading = None
        if self._writing is not None:
            await loop.run_in_executor(self._writer, self._writing.close)
            self._writing = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        self._reader.shutdown()
        self._writer.shutdown()

    def submit(self, writes: Sequence[Write]) -> asyncio.Future[None]:
        """See `Store.submit`."""
        return self._commits.submit(encode(writes), kept=False)

    def keep(self, writes: Sequence[Write]) -> asyncio.Future[None]:
        """See `Store.keep`."""
        return self._commits.submit(encode(writes), kept=True)

    async def commit(self, writes: Sequence[Write]) -> None:
        """See `Store.commit`."""
        await self.submit(writes)

    # Reads

    async def rooms(self) -> list[StoredRoom]:
        """See `Store.rooms`."""
        rows = await self._select("SELECT tenant, id, version, document FROM rooms")
        return [_room(row) for row in rows]

    async def room(self, tenant: str, id: str) -> StoredRoom | None:
        """See `Store.room`."""
        rows = await self._select(
            "SELECT tenant, id, version, document FROM rooms WHERE tenant = ? AND id = ?",
            tenant,
            id,
        )
        return _room(rows[0]) if rows else None

    async def bans(self, tenant: str, room: str) -> set[str]:
        """See `Store.bans`."""
        rows = await self._select(
            "SELECT identity FROM bans WHERE tenant = ? AND room = ?", tenant, room
        )
        return {str(identity) for (identity,) in rows}

    async def identities(self, tenant: str, room: str) -> dict[str, Document]:
        """See `Store.identities`."""
        rows = await self._select(
            "SELECT identity, document FROM identities WHERE tenant = ? AND room = ?", tenant, room
        )
        return {str(identity): document_of(str(document)) for identity, document in rows}

    async def revoked(self, now: float) -> set[tuple[str, str]]:
        """See `Store.revoked`."""
        rows = await self._select("SELECT tenant, jti FROM revoked WHERE expires_at > ?", now)
        return {(str(tenant), str(jti)) for tenant, jti in rows}

    async def idempotency(self, tenant: str, key: str, now: float) -> Idempotent | None:
        """See `Store.idempotency`."""
        rows = await self._select(
            "SELECT digest, response FROM idempotency"
            " WHERE tenant = ? AND key = ? AND expires_at > ?",
            tenant,
            key,
            now,
        )
        for digest, response in rows:
            return Idempotent(str(digest), document_of(str(response)))
        return None

    async def open_stays(self) -> list[LastSeen]:
        """See `Store.open_stays`."""
        return await self._read(_open_stays)

    async def open_events(self) -> list[Event]:
        """See `Store.open_events`."""
        rows = await self._select("SELECT id, tenant, body FROM events WHERE body IS NOT NULL")
        return [event_of(str(id), str(tenant), str(body)) for id, tenant, body in rows]

    async def usage(
        self, tenant: str, *, since: float = 0.0, cursor: str | None = None, limit: int = 100
    ) -> Page:
        """See `Store.usage`."""
        rows = await self._select(
            "SELECT position, record FROM usage WHERE tenant = ?1 AND position > ?2"
            " AND position >= (SELECT position FROM usage WHERE tenant = ?1"
            " AND recorded_at >= ?3 ORDER BY recorded_at, position LIMIT 1)"
            " ORDER BY position LIMIT ?4",
            tenant,
            _position(cursor),
            milliseconds(since),
            limit + 1,
        )
        return page_of([(str(place), str(record)) for place, record in rows], cursor, limit)

    async def log(
        self, tenant: str, room: str, *, cursor: str | None = None, limit: int = 100
    ) -> Page:
        """See `Store.log`."""
        rows = await self._select(
            "SELECT position, entry FROM log WHERE tenant = ? AND room = ? AND position > ?"
            " ORDER BY position LIMIT ?",
            tenant,
            room,
            _position(cursor),
            limit + 1,
        )
        return page_of([(str(place), str(entry)) for place, entry in rows], cursor, limit)

    async def outbox_due(
        self, now: float, per_tenant: int, longest: float = math.inf
    ) -> list[tuple[str, str]]:
        """See `Store.outbox_due`."""
        rows = await self._select(
            "SELECT tenant, room FROM (SELECT tenant, room, row_number() OVER"
            " (PARTITION BY tenant ORDER BY next_at, room) AS place"
            " FROM lanes WHERE next_at <= ? OR next_at > ?) WHERE place <= ?",
            now,
            now + longest,
            per_tenant,
        )
        return [(str(tenant), str(room)) for tenant, room in rows]

    async def outbox(self, tenant: str, room: str, limit: int) -> list[Undelivered]:
        """See `Store.outbox`."""
        rows = await self._select(
            "SELECT position, outbox.tenant, outbox.room, id, name, at, attempts, body"
            " FROM outbox JOIN lanes USING (tenant, room)"
            " WHERE outbox.tenant = ? AND outbox.room = ? ORDER BY position LIMIT ?",
            tenant,
            room,
            limit,
        )
        # How often has been tried is said of the first one of the room.
        return [_undelivered(row, first=index == 0) for index, row in enumerate(rows)]

    async def _select(self, query: str, *arguments: str | float) -> list[Row]:
        return await self._read(lambda connection: connection.execute(query, arguments).fetchall())

    async def _read(self, read: Callable[[sqlite3.Connection], Result]) -> Result:
        connection = self._reading
        if connection is None:
            raise StoreError("the store is not open")
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._reader, read, connection)
        except sqlite3.Error as error:
            raise StoreError(f"the store cannot be read: {error}") from error

    # In the writer's thread

    def _open(self) -> None:
        self._lock = _lock(self.path)
        # Made here for its permissions, which SQLite gives to the log beside it too.
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        self._writing = self._connect()
        self._writing.execute("PRAGMA journal_mode = WAL")
        self._writing.execute("PRAGMA synchronous = FULL")
        self._writing.execute("PRAGMA journal_size_limit = 67108864")
        migrate(self._writing)
        self._tables = Tables(self._writing, self._retention)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self.path, timeout=5.0, isolation_level=None, check_same_thread=False
        )

    async def _apply(self, batch: list[list[Operation]]) -> list[Exception | None]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writer, self._write, batch)

    def _write(self, batch: list[list[Operation]]) -> list[Exception | None]:
        try:
            self._patiently(batch)
        except sqlite3.OperationalError:
            raise  # the disk, not the commits
        except (sqlite3.Error, OverflowError, ValueError) as error:
            if len(batch) == 1:
                return [error]
            # One of them is at fault: the others are not to suffer for it.
            return [outcome for commit in batch for outcome in self._write([commit])]
        return [None] * len(batch)

    def _patiently(self, batch: list[list[Operation]]) -> None:
        for attempt in range(ATTEMPTS):
            try:
                return self._transact(batch)
            except sqlite3.OperationalError:
                if attempt == ATTEMPTS - 1:
                    raise
                time.sleep(PAUSE)

    def _transact(self, batch: list[list[Operation]]) -> None:
        assert self._writing is not None
        assert self._tables is not None
        self._writing.execute("BEGIN IMMEDIATE")
        try:
            for commit in batch:
                for operation in commit:
                    self._tables.carry_out(operation)
            self._writing.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._writing.execute("ROLLBACK")
            raise


def _lock(path: Path) -> int:
    """Holds a lock beside the file until the process ends, however it ends."""
    # By whatever links the file is reached, there is one lock.
    lock = os.open(f"{path.resolve()}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = Owner.read(os.pread(lock, 4096, 0).decode(errors="replace")) or "another process"
        os.close(lock)
        raise StoreTaken(
            f"{owner} has {path}: stop that one, or set another [store] path"
        ) from None
    with contextlib.suppress(OSError):  # a full disk keeps nobody out
        os.ftruncate(lock, 0)
        os.pwrite(lock, Owner.here().text().encode(), 0)
    return lock


def _room(row: Row) -> StoredRoom:
    tenant, id, version, document = row
    assert isinstance(version, int)
    return StoredRoom(str(tenant), str(id), version, document_of(str(document)))


def _undelivered(row: Row, *, first: bool) -> Undelivered:
    position, tenant, room, id, name, at, attempts, body = row
    assert isinstance(at, int)
    assert isinstance(attempts, int)
    return Undelivered(
        position=str(position),
        tenant=str(tenant),
        room=str(room),
        id=str(id),
        name=str(name),
        at=at / 1000,
        attempts=attempts if first else 0,
        body=str(body),
    )


def _open_stays(connection: sqlite3.Connection) -> list[LastSeen]:
    rows = connection.execute(
        "SELECT id, tenant, event, body, seen_at, bytes_sent, bytes_received, quality, scored,"
        f" {', '.join(FREEZES)} FROM stays"
    )
    return [
        LastSeen(stay_of(id, tenant, event, body), seen_at, Totals.of(*totals))
        for id, tenant, event, body, seen_at, *totals in rows
    ]


def _position(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise ValueError("no cursor of this store")
    return int(cursor)
