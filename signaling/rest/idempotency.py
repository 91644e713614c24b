"""Idempotency-Key: the same request again gets the same answer, and is not carried out again."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakValueDictionary

from fastapi.responses import JSONResponse

from sfu.errors import Refusal
from sfu.signaling.rest.gate import Caller
from sfu.store.records import DAY
from sfu.store.writes import SaveIdempotency

KEPT_FOR: Final = DAY

_locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()


class Once:
    """One request under its key, while no other one has it."""

    def __init__(self, caller: Caller, key: str, digest: str) -> None:
        self._caller = caller
        self._key = key
        self._digest = digest

    async def former(self) -> JSONResponse | None:
        """The answer to this request when it was carried out before. Raises Refusal for a key
        that another request had."""
        caller = self._caller
        found = await caller.journal.store.idempotency(caller.tenant, self._key, caller.now)
        if found is None:
            return None
        if found.digest != self._digest:
            raise Refusal("idempotency_conflict", "this key was used for another request")
        headers = {"Location": str(found.response["location"]), "Idempotent-Replayed": "true"}
        if etag := found.response.get("etag"):
            headers["ETag"] = str(etag)
        return JSONResponse(found.response["body"], 201, headers)

    def keep(self, body: object, location: str, etag: str) -> SaveIdempotency:
        """Part of the commit that carries the request out."""
        caller = self._caller
        return SaveIdempotency(
            caller.tenant,
            self._key,
            self._digest,
            {"body": body, "location": location, "etag": etag},
            caller.now + KEPT_FOR,
        )


@asynccontextmanager
async def once(caller: Caller, key: str, body: bytes) -> AsyncIterator[Once]:
    """Two requests with one key go one after the other."""
    place = (caller.tenant, key)
    lock = _locks.get(place)
    if lock is None:
        lock = _locks[place] = asyncio.Lock()
    async with lock:
        yield Once(caller, key, hashlib.sha256(body).hexdigest())
