"""What must survive the process: rooms, bans, revoked tokens, stays, usage, webhooks.

    store = make_store(path="sfu.sqlite", url="")
    await store.open()
    await store.commit([SaveRoom(...), Enqueue(...)])   # all of it or nothing, and durable

Live media is never kept. Two stores do the same: a SQLite file, and Redis.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from sfu.store.errors import StoreError, StoreLost, StoreOverloaded, StoreTaken
from sfu.store.records import (
    Document,
    Event,
    Idempotent,
    LastSeen,
    Page,
    Retention,
    StoredRoom,
    Undelivered,
)
from sfu.store.sqlite import SqliteStore
from sfu.store.writes import Write

__all__ = ["Store", "StoreError", "StoreLost", "StoreOverloaded", "StoreTaken", "make_store"]


class Store(Protocol):
    """Keeps things; every method may raise StoreError."""

    @property
    def waiting(self) -> int:
        """Commits that are not durable yet, those on their way aside."""

    async def open(self) -> None:
        """Takes the store for this process alone, and brings what is there up to date. Raises
        StoreTaken when another process has it."""

    def when_lost(self, told: Callable[[], None]) -> None:
        """To be called once if another process takes the store over, as after a long stall: every
        write fails with StoreLost from then on. Never of a file."""

    async def close(self) -> None:
        """Carries out what waits, then ends. Idempotent; a closed store is not opened again."""

    def submit(self, writes: Sequence[Write]) -> asyncio.Future[None]:
        """Hands a commit in, behind all that were handed in before; done when it is durable.

        The future fails with a StoreError, and nothing of the commit is done,
        when the store is in trouble, as with a full disk. Raises StoreOverloaded
        when too many commits wait, and TypeError or ValueError for a document
        that is no JSON. To cancel the future does not undo the commit. All
        commits of one turn of the event loop share one wait for the disk, as
        do those that come while the disk is busy.
        """

    def keep(self, writes: Sequence[Write]) -> asyncio.Future[None]:
        """As `submit`, for what has happened and must be kept: tried until it is done, in its
        place. The future fails only when the store is closed while in trouble, or when the
        commit can never be done, or another process has the store."""

    async def commit(self, writes: Sequence[Write]) -> None:
        """`submit`, and returns when all these writes are durable."""

    async def rooms(self) -> list[StoredRoom]:
        """Every room, in no order."""

    async def room(self, tenant: str, id: str) -> StoredRoom | None:
        """One room."""

    async def bans(self, tenant: str, room: str) -> set[str]:
        """The identities that may not come in."""

    async def identities(self, tenant: str, room: str) -> dict[str, Document]:
        """What was decided about identities."""

    async def revoked(self, now: float) -> set[tuple[str, str]]:
        """Tenant and jti of the tokens that are barred and would still be valid."""

    async def idempotency(self, tenant: str, key: str, now: float) -> Idempotent | None:
        """What was answered to a request with this key, while that is kept."""

    async def open_stays(self) -> list[LastSeen]:
        """The stays without an end, in no order."""

    async def open_events(self) -> list[Event]:
        """The events that have started and not ended, in no order."""

    async def usage(
        self, tenant: str, *, since: float = 0.0, cursor: str | None = None, limit: int = 100
    ) -> Page:
        """Usage records that were made at `since` or later, behind `cursor`, oldest first.

        Who goes on with each page's cursor sees every record once. Raises
        ValueError for a cursor that is none.
        """

    async def log(
        self, tenant: str, room: str, *, cursor: str | None = None, limit: int = 100
    ) -> Page:
        """The entries of a room's event log behind `cursor`, oldest first. Raises ValueError for
        a cursor that is none."""

    async def outbox_due(
        self, now: float, per_tenant: int, longest: float = math.inf
    ) -> list[tuple[str, str]]:
        """Tenant and room of the queues whose first webhook may be tried now, the one that
        has waited longest first; of each tenant so many at most.

        Nothing waits for longer than `longest` seconds: what seems to is so by a clock that was
        set back since, and may be tried as well.
        """

    async def outbox(self, tenant: str, room: str, limit: int) -> list[Undelivered]:
        """The first webhooks of a room's queue, in order."""


def make_store(
    path: str | Path, url: str, retention: Retention | None = None, *, lease: float = 8.0
) -> Store:
    """The store that the settings ask for: Redis at `url`, or without one the file at `path`.

    `lease` is how many seconds Redis is kept for a server that is not heard of any more.
    """
    if url:
        from sfu.store.redis import RedisStore  # whoever has a file needs no client of Redis

        return RedisStore(url, retention, lease)
    return SqliteStore(path, retention)
