"""The lease of a Redis database: whose it is, for how long, and who comes after.

           take                    renew, each quarter of it
    (free) -----> ours ------------------------------------> ours
      ^            | killed, stalled, cut off from Redis
      |            v
      +---- lapses, or its process is known to have ended

Who was followed meanwhile learns of it by the next commit or renewal, neither of which is carried
out (`commit.lua` compares tokens): what was lost by a stall is never written over.
"""

import asyncio
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any, Final

import structlog
from redis.exceptions import RedisError

from sfu.store.errors import StoreLost, StoreTaken
from sfu.store.owner import Owner

SCRIPT: Final = files("sfu.store").joinpath("lease.lua").read_text(encoding="utf-8")
SECONDS: Final = 8.0
"""After its last renewal."""
MILLISECOND: Final = 0.001
LOOK: Final = 0.2
"""Seconds between looks at a lease that may lapse."""

log = structlog.get_logger()

Call = Callable[..., Awaitable[Any]]
"""A command of Redis."""


class Lease:
    """That of one opening of the store; `seconds` after the last renewal it lapses."""

    def __init__(self, call: Call, seconds: float) -> None:
        self.owner = Owner.here()
        self.on_lost: Callable[[], None] = _nothing
        """Called once, when another server has the database."""
        self._call = call
        self._seconds = seconds
        self._lost: StoreLost | None = None
        self._renewal: asyncio.Task[None] | None = None

    async def take(self) -> None:
        """Returns when the database is ours, after `seconds` at most: so long a server that was
        killed elsewhere keeps it. Raises StoreTaken when another one is at work, RedisError."""
        ended, clock = "", asyncio.get_running_loop().time
        first: tuple[str, float] | None = None
        while True:
            asked = clock()
            answer = await self._run("take", ended)
            if not answer:
                break
            held, left = str(answer[0]), int(answer[1]) / 1000
            owner = Owner.read(held)
            if owner is not None and owner.has_ended():
                ended = held
                continue
            if first is None:
                # By when it lapses at the latest, unless it is renewed.
                first = held, clock() + left + MILLISECOND
                log.info("store held", by=str(owner), waiting=round(left, 1))
            elif held != first[0] or asked + left > first[1]:
                raise StoreTaken(f"{owner} has it: stop that one, or set another [store] url")
            await asyncio.sleep(min(LOOK, max(left, MILLISECOND)))
        self._renewal = asyncio.create_task(self._renew(), name="store lease")

    async def release(self) -> None:
        """The next one need not wait. Idempotent; does without an answer of Redis."""
        renewal, self._renewal = self._renewal, None
        if renewal is None:
            return
        renewal.cancel()
        await asyncio.gather(renewal, return_exceptions=True)
        if self._lost is None:
            try:
                await self._run("release")
            except (RedisError, OSError):
                log.warning("store not released", bounded=True)

    def lose(self, to: str = "") -> StoreLost:
        """Another server has the database: gives what is wrong with whatever is still written."""
        if self._lost is None:
            self._lost = StoreLost(f"{to or 'another server'} has taken the store over")
            self.on_lost()
        return self._lost

    async def _renew(self) -> None:
        task = asyncio.current_task()
        # A cancellation may have been swallowed, by what Redis is asked with before Python 3.12.
        while self._lost is None and task is not None and not task.cancelling():
            await asyncio.sleep(self._seconds / 4)
            try:
                followed = await self._run("renew")
            except (RedisError, OSError) as error:
                # It lapses, and is ours still unless somebody takes it.
                log.warning("store lease not renewed", error=type(error).__name__, bounded=True)
                continue
            if followed:
                self.lose(str(Owner.read(followed[0]) or ""))

    async def _run(self, verb: str, ended: str = "") -> Any:
        owner, milliseconds = self.owner, round(self._seconds * 1000)
        return await self._call(
            "EVAL", SCRIPT, 0, verb, owner.token, owner.text(), milliseconds, ended
        )


def _nothing() -> None:
    """Nobody wants to know."""
