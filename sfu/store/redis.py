"""The store in Redis: `commit.lua` writes, and what is read is read as it lies there.

A batch is one script: all of its commits are tried, and the answer says which of them can never
be done, and why. Whatever else the server answers is a refusal that will pass, of the whole batch
(no memory, no disk, no replicas, read only, another script at work): nothing has been done.

It is as durable as the server makes it: `appendonly yes` and `appendfsync always` lose nothing,
less is warned of. One daemon at a time has a database (`sfu.store.lease`); no Redis Cluster.
"""

import asyncio
import json
import math
import secrets
from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import files
from typing import Any, Final

import redis.asyncio
import structlog
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError,
    NoScriptError,
    RedisError,
    ResponseError,
)
from redis.exceptions import TimeoutError as RedisTimeout

from sfu.store.commits import Commits
from sfu.store.errors import StoreError
from sfu.store.lease import SECONDS, Lease
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
from sfu.store.writes import Write

VERSION: Final = 2
ATTEMPTS: Final = 20
PAUSE: Final = 0.5
"""A server that is away is tried this often, with this many seconds between."""

SCRIPT: Final = files("sfu.store").joinpath("commit.lua").read_text(encoding="utf-8")

log = structlog.get_logger()


class RedisStore:
    """A `Store` in the Redis database at `url`; all its keys begin with "sfu:"."""

    def __init__(
        self, url: str, retention: Retention | None = None, lease: float = SECONDS
    ) -> None:
        kept = retention or Retention()
        self._kept = (
            milliseconds(kept.usage),
            milliseconds(kept.webhooks),
            kept.usage_per_tenant,
            kept.webhooks_per_room,
            milliseconds(kept.events),
            kept.events_per_room,
        )
        self._commits = Commits(self._apply)
        self._redis = redis.asyncio.from_url(
            url, decode_responses=True, socket_timeout=15.0, socket_connect_timeout=5.0
        )
        self._call: Callable[..., Awaitable[Any]] = self._redis.execute_command
        self._script = ""
        self._lease = Lease(self._call, lease)

    def when_lost(self, told: Callable[[], None]) -> None:
        """See `Store.when_lost`."""
        self._lease.on_lost = told

    @property
    def waiting(self) -> int:
        """See `Store.waiting`."""
        return len(self._commits)

    async def open(self) -> None:
        """Connects, and takes the database. Raises StoreError if there is no Redis, or one with a
        later layout, StoreTaken if another server has it."""
        try:
            await self._check_version()
            await self._lease.take()
            await self._call("SET", "sfu:version", VERSION)
            self._script = await self._call("SCRIPT LOAD", SCRIPT)
            await self._warn_of_losses()
        except StoreError:
            await self.close()
            raise
        except (RedisError, OSError, ValueError) as error:
            await self.close()
            raise _unusable(error) from error
        self._commits.open()

    async def look(self) -> Owner | None:
        """Whether it could be opened: who has it now. Nothing is changed, and what is there is not
        opened. Raises StoreError."""
        try:
            await self._check_version()
            return Owner.read(await self._call("GET", "sfu:owner") or "")
        except (RedisError, OSError, ValueError) as error:
            raise _unusable(error) from error
        finally:
            await self.close()

    async def _check_version(self) -> None:
        version = await self._call("GET", "sfu:version")
        if version is not None and int(version) > VERSION:
            raise StoreError(f"the database has version {version}, made by a later program")

    async def _warn_of_losses(self) -> None:
        try:
            found = await self._call("CONFIG GET", "append*")
        except RedisError:
            return  # a hosted server may not say
        if found.get("appendonly") != "yes" or found.get("appendfsync") != "always":
            log.warning("Redis may lose what was committed", want="appendonly, appendfsync always")

    async def close(self) -> None:
        """Carries out what waits and disconnects. Idempotent."""
        await self._commits.close()
        await self._lease.release()
        await self._redis.aclose()

    def submit(self, writes: Sequence[Write]) -> asyncio.Future[None]:
        """See `Store.submit`."""
        return self._commits.submit(encode(writes), kept=False)

    def keep(self, writes: Sequence[Write]) -> asyncio.Future[None]:
        """See `Store.keep`."""
        return self._commits.submit(encode(writes), kept=True)

    async def commit(self, writes: Sequence[Write]) -> None:
        """See `Store.commit`."""
        await self.submit(writes)

    async def _apply(self, batch: list[list[Operation]]) -> list[Exception | None]:
        commits = [[_texts(operation) for operation in commit] for commit in batch]
        # The token makes it safe to send a batch again when its answer has been lost.
        token = self._lease.owner.token
        arguments = (secrets.token_hex(16), json.dumps(commits), *self._kept, token)
        answer = await self._patiently(arguments)
        if answer == "lost":
            raise self._lease.lose()
        failed = json.loads(answer)
        faults = (failed.get(str(number)) for number in range(1, len(batch) + 1))
        return [None if fault is None else ResponseError(fault) for fault in faults]

    async def _patiently(self, arguments: tuple[str | int, ...]) -> str:
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._run(arguments)
            except (ConnectionError, RedisTimeout, BusyLoadingError, OSError):
                await asyncio.sleep(PAUSE)
        return await self._run(arguments)

    async def _run(self, arguments: tuple[str | int, ...]) -> str:
        try:
            return str(await self._call("EVALSHA", self._script, 0, *arguments))
        except NoScriptError:  # the server has been restarted
            return str(await self._call("EVAL", SCRIPT, 0, *arguments))

    # Reads

    async def rooms(self) -> list[StoredRoom]:
        """See `Store.rooms`."""
        found = await self._read("HGETALL", "sfu:rooms")
        return [_room(*_tenant_and(name), kept) for name, kept in found.items()]

    async def room(self, tenant: str, id: str) -> StoredRoom | None:
        """See `Store.room`."""
        kept = await self._read("HGET", "sfu:rooms", f"{tenant}/{id}")
        return None if kept is None else _room(tenant, id, kept)

    async def bans(self, tenant: str, room: str) -> set[str]:
        """See `Store.bans`."""
        return set(await self._read("HKEYS", f"sfu:bans:{tenant}/{room}"))

    async def identities(self, tenant: str, room: str) -> dict[str, Document]:
        """See `Store.identities`."""
        found = await self._read("HGETALL", f"sfu:identities:{tenant}/{room}")
        return {identity: document_of(document) for identity, document in found.items()}

    async def revoked(self, now: float) -> set[tuple[str, str]]:
        """See `Store.revoked`."""
        names = await self._read("ZRANGEBYSCORE", "sfu:revoked", f"({now!r}", "+inf")
        return {_tenant_and(name) for name in names}

    async def idempotency(self, tenant: str, key: str, now: float) -> Idempotent | None:
        """See `Store.idempotency`."""
        name = f"{tenant}/{key}"
        expires_at = await self._read("ZSCORE", "sfu:idempotency:expires", name)
        kept = await self._read("HGET", "sfu:idempotency", name)
        if kept is None or expires_at is None or float(expires_at) <= now:
            return None
        digest, response = json.loads(kept)
        return Idempotent(digest, document_of(response))

    async def open_stays(self) -> list[LastSeen]:
        """See `Store.open_stays`."""
        stays = await self._read("HGETALL", "sfu:stays")
        seen = await self._read("HGETALL", "sfu:stays:seen")
        return [_open_stay(id, stay, seen[id]) for id, stay in stays.items() if id in seen]

    async def open_events(self) -> list[Event]:
        """See `Store.open_events`."""
        events = []
        for id in await self._read("SMEMBERS", "sfu:events"):
            tenant, body = await self._read("HMGET", f"sfu:event:{id}", "tenant", "body")
            if body is not None:
                events.append(event_of(id, tenant, body))
        return events

    async def usage(
        self, tenant: str, *, since: float = 0.0, cursor: str | None = None, limit: int = 100
    ) -> Page:
        """See `Store.usage`."""
        begin = f"{max(0, milliseconds(since))}-0"
        if cursor is not None and _order(cursor) >= _order(begin):
            begin = f"({cursor}"
        found = await self._read("XRANGE", f"sfu:usage:{tenant}", begin, "+", "COUNT", limit + 1)
        return page_of([(place, fields["record"]) for place, fields in found], cursor, limit)

    async def log(
        self, tenant: str, room: str, *, cursor: str | None = None, limit: int = 100
    ) -> Page:
        """See `Store.log`."""
        begin = "-" if cursor is None or not _order(cursor) else f"({cursor}"
        stream = f"sfu:log:{tenant}/{room}"
        found = await self._read("XRANGE", stream, begin, "+", "COUNT", limit + 1)
        return page_of([(place, fields["entry"]) for place, fields in found], cursor, limit)

    async def outbox_due(
        self, now: float, per_tenant: int, longest: float = math.inf
    ) -> list[tuple[str, str]]:
        """See `Store.outbox_due`."""
        due: list[tuple[str, str]] = []
        for tenant in await self._read("SMEMBERS", "sfu:tenants"):
            rooms: list[str] = []
            for span in (("-inf", repr(now)), (f"({now + longest!r}", "+inf")):
                rooms += await self._read(
                    "ZRANGEBYSCORE", f"sfu:lanes:{tenant}", *span, "LIMIT", 0, per_tenant
                )
            due += [(tenant, room) for room in rooms[:per_tenant]]
        return due

    async def outbox(self, tenant: str, room: str, limit: int) -> list[Undelivered]:
        """See `Store.outbox`."""
        attempts = await self._read("HGET", f"sfu:lanes:{tenant}:attempts", room)
        found = await self._read("XRANGE", f"sfu:outbox:{tenant}/{room}", "-", "+", "COUNT", limit)
        return [
            Undelivered(
                position=position,
                tenant=tenant,
                room=room,
                id=fields["id"],
                name=fields["name"],
                at=int(fields["at"]) / 1000,
                # How often has been tried is said of the first one of the room.
                attempts=int(attempts or 0) if index == 0 else 0,
                body=fields["body"],
            )
            for index, (position, fields) in enumerate(found)
        ]

    async def _read(self, *command: str | int) -> Any:
        try:
            return await self._call(*command)
        except (RedisError, OSError) as error:
            raise StoreError(f"Redis cannot be read: {type(error).__name__}") from error


def _unusable(error: Exception) -> StoreError:
    # Neither the address nor the error is shown: there may be a password in them.
    return StoreError(f"Redis cannot be used: {type(error).__name__}")


def _texts(operation: Operation) -> list[str | None]:
    """Numbers as texts: Lua would round them when it puts them into texts itself."""
    return [each if each is None or isinstance(each, str) else repr(each) for each in operation]


def _tenant_and(name: str) -> tuple[str, str]:
    tenant, _, rest = name.partition("/")  # no tenant's name has a slash in it
    return tenant, rest


def _room(tenant: str, id: str, kept: str) -> StoredRoom:
    version, document = kept.split(":", 1)
    return StoredRoom(tenant, id, int(version), document_of(document))


def _open_stay(id: str, stay: str, seen: str) -> LastSeen:
    tenant, event, body = json.loads(stay)
    at, *totals = json.loads(seen)
    return LastSeen(stay_of(id, tenant, event, body), at, Totals.of(*totals))


def _order(position: str) -> tuple[int, int]:
    time, _, number = position.partition("-")
    for part in (time, number):
        if not (part.isascii() and part.isdigit() and len(part) <= 18):
            raise ValueError("no cursor of this store")
    return int(time), int(number)
