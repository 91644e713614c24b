"""Idempotency-Key: the same request again gets the same answer, and is not carried out again."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakValueDictionary

from fastapi.responses import JSONResponse

from sfu.errors import Refusal
from sfu.signaling.rest.gate import Caller
from sfu.store.records import DAY, Idempotent
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
        pending = caller.rest.unkept.get((caller.tenant, self._key))
        if pending is not None:
            # The store has it not yet, perhaps for long: it was carried out all the same.
            self._check(pending.digest)
            await caller.journal.durable()
            return self._answer(pending.digest, pending.response)
        found = await caller.journal.store.idempotency(caller.tenant, self._key, caller.now)
        if found is None:
            return None
        return self._answer(found.digest, found.response)

    def _answer(self, digest: str, response: Mapping[str, object]) -> JSONResponse:
        self._check(digest)
        headers = {"Location": str(response["location"]), "Idempotent-Replayed": "true"}
        if etag := response.get("etag"):
            headers["ETag"] = str(etag)
        return JSONResponse(response["body"], 201, headers)

    def _check(self, digest: str) -> None:
        if digest != self._digest:
            raise Refusal("idempotency_conflict", "this key was used for another request")

    def keep(self, body: object, location: str, etag: str) -> SaveIdempotency:
        """Part of the commit that carries the request out; `follow` that."""
        caller = self._caller
        kept = Idempotent(self._digest, {"body": body, "location": location, "etag": etag})
        caller.rest.unkept[caller.tenant, self._key] = kept
        return SaveIdempotency(
            caller.tenant, self._key, kept.digest, kept.response, caller.now + KEPT_FOR
        )

    def follow(self, commit: asyncio.Future[None]) -> None:
        """Until the commit is done, or has failed for good, the answer is kept here."""
        place = (self._caller.tenant, self._key)
        commit.add_done_callback(lambda _: self._caller.rest.unkept.pop(place, None))


@asynccontextmanager
async def once(caller: Caller, key: str, body: bytes) -> AsyncIterator[Once]:
    """Two requests with one key go one after the other."""
    place = (caller.tenant, key)
    lock = _locks.get(place)
    if lock is None:
        lock = _locks[place] = asyncio.Lock()
    async with lock:
        yield Once(caller, key, hashlib.sha256(body).hexdigest())
