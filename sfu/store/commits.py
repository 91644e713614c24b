"""Commits on their way into a store: in the order they came, many in one go.

Whatever is handed in while one batch is on its way is the next batch, so a
store that takes 5 ms to be sure of its disk makes 1,000 commits in a second as
it makes 200 or 100,000. Nobody waits for company: an idle queue starts at once.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

from sfu.store.errors import StoreError, StoreLost, StoreOverloaded
from sfu.store.operations import Operation

WAITING: Final = 65_536
BATCH: Final = 20_000
PAUSE: Final = 1.0

log = structlog.get_logger()

Apply = Callable[[list[list[Operation]]], Awaitable[list[Exception | None]]]
"""Carries out commits in order, each as a whole; gives for each what is wrong with it for good.
Raises when the store itself is in trouble: then none of them is done."""


@dataclass(slots=True, eq=False)
class Commit:
    """One commit that waits; one that is `kept` is tried until it is done."""

    operations: list[Operation]
    done: asyncio.Future[None]
    kept: bool


class Commits:
    """The queue, and the task that empties it by `apply`, one batch at a time."""

    def __init__(self, apply: Apply, waiting: int = WAITING) -> None:
        self._apply = apply
        self._limit = waiting
        self._waiting: deque[Commit] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def open(self) -> None:
        """Begins to take commits."""
        self._task = asyncio.create_task(self._run(), name="store commits")

    def submit(self, operations: list[Operation], *, kept: bool) -> asyncio.Future[None]:
        """Puts a commit in its place; the future is done when it is durable."""
        if self._task is None or self._task.done():
            raise StoreError("the store is not open")
        if len(self._waiting) >= self._limit:
            raise StoreOverloaded("too many commits wait for the store")
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(Commit(operations, done, kept))
        self._wake.set()
        return done

    async def close(self) -> None:
        """Takes no more, and returns when what waits has been carried out."""
        task, self._task = self._task, None
        if task is not None:
            self._wake.set()
            await task

    async def _run(self) -> None:
        while self._waiting or self._task is not None:
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
                continue
            await self._carry_out(self._take())

    def _take(self) -> list[Commit]:
        """The next commits, one at least and BATCH operations at most."""
        batch: list[Commit] = []
        size = 0
        while self._waiting and (not batch or size + len(self._waiting[0].operations) <= BATCH):
            batch.append(self._waiting.popleft())
            size += len(batch[-1].operations)
        return batch

    async def _carry_out(self, batch: list[Commit]) -> None:
        try:
            outcomes = await self._apply([commit.operations for commit in batch])
        except Exception as error:
            log.error("store failed", commits=len(batch), error=str(error), bounded=True)
            await self._put_off(batch, error)
            return
        for commit, outcome in zip(batch, outcomes, strict=True):
            _tell(commit, outcome)

    async def _put_off(self, batch: list[Commit], error: Exception) -> None:
        """What is kept is tried again, before all others; whoever handed in the rest is told. A
        store that is lost stays so."""
        left = []
        for commit in batch:
            if commit.kept and self._task is not None and not isinstance(error, StoreLost):
                left.append(commit)
            else:
                _tell(commit, error)
        if left:
            self._waiting.extendleft(reversed(left))
            await asyncio.sleep(PAUSE)


def _tell(commit: Commit, outcome: Exception | None) -> None:
    if commit.kept and outcome is not None:
        log.error("commit not kept", error=str(outcome), bounded=True)
    if commit.done.done():  # whoever waited has been cancelled
        return
    if outcome is None:
        commit.done.set_result(None)
    else:
        commit.done.set_exception(_store_error(outcome))


def _store_error(error: Exception) -> StoreError:
    if isinstance(error, StoreError):
        return error
    wrapped = StoreError(f"the store failed: {error}")
    wrapped.__cause__ = error
    return wrapped
