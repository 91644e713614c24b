"""The queue in front of every store."""

import asyncio

import pytest

from sfu.store import commits as commits_module
from sfu.store.commits import BATCH, Commits
from sfu.store.errors import StoreError, StoreOverloaded
from sfu.store.operations import Operation

ONE: list[Operation] = [("one",)]


def submit(commits: Commits, operations: list[Operation]) -> asyncio.Future[None]:
    return commits.submit(operations, kept=False)


def keep(commits: Commits, operations: list[Operation]) -> asyncio.Future[None]:
    return commits.submit(operations, kept=True)


class Disk:
    """Takes batches when it is let."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.free.set()
        self.batches: list[list[list[Operation]]] = []
        self.error: Exception | None = None

    async def apply(self, batch: list[list[Operation]]) -> list[Exception | None]:
        await self.free.wait()
        self.batches.append(batch)
        if self.error is not None:
            raise self.error
        return [None] * len(batch)


async def test_what_comes_while_the_disk_is_busy_is_the_next_batch() -> None:
    disk = Disk()
    commits = Commits(disk.apply)
    commits.open()
    disk.free.clear()
    first = submit(commits, [("a",)])
    await asyncio.sleep(0)
    later = [submit(commits, [("b",)]), submit(commits, [("c",), ("d",)])]
    await asyncio.sleep(0.01)
    assert not first.done()
    disk.free.set()
    await asyncio.gather(first, *later)
    assert disk.batches == [[[("a",)]], [[("b",)], [("c",), ("d",)]]]
    await commits.close()


async def test_no_more_wait_than_may() -> None:
    disk = Disk()
    commits = Commits(disk.apply, waiting=3)
    commits.open()
    disk.free.clear()
    waiting = [submit(commits, ONE) for _ in range(3)]
    with pytest.raises(StoreOverloaded):
        submit(commits, ONE)
    disk.free.set()
    await asyncio.gather(*waiting)
    await submit(commits, ONE)
    await commits.close()


async def test_a_batch_is_not_larger_than_it_may_be_but_for_a_single_commit() -> None:
    disk = Disk()
    commits = Commits(disk.apply)
    commits.open()
    await asyncio.gather(*(submit(commits, ONE * size) for size in (BATCH * 2, 5, BATCH - 5, 1)))
    assert [len(batch) for batch in disk.batches] == [1, 2, 1]
    await commits.close()


async def test_a_failure_is_told_to_all_whom_it_concerns_and_to_no_others() -> None:
    disk = Disk()
    commits = Commits(disk.apply)
    commits.open()
    disk.error = OSError("no disk")
    failed = [submit(commits, ONE), submit(commits, ONE)]
    for each in failed:
        with pytest.raises(StoreError, match="no disk"):
            await each
    disk.error = None
    await submit(commits, ONE)
    await commits.close()


async def test_to_give_up_waiting_does_not_undo_a_commit() -> None:
    disk = Disk()
    commits = Commits(disk.apply)
    commits.open()
    disk.free.clear()
    waiting = submit(commits, ONE)
    waiting.cancel()
    disk.free.set()
    await commits.close()
    assert disk.batches == [[ONE]]


async def test_nothing_is_taken_before_opening_or_after_closing() -> None:
    disk = Disk()
    commits = Commits(disk.apply)
    with pytest.raises(StoreError, match="not open"):
        submit(commits, ONE)
    commits.open()
    last = submit(commits, ONE)
    await commits.close()
    assert last.done()
    with pytest.raises(StoreError, match="not open"):
        submit(commits, ONE)


async def test_what_is_to_be_kept_is_tried_until_it_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(commits_module, "PAUSE", 0.01)
    disk = Disk()
    commits = Commits(disk.apply)
    commits.open()
    disk.error = OSError("no disk")
    kept = [keep(commits, [("a",)])]
    failed = submit(commits, [("b",)])
    kept.append(keep(commits, [("c",)]))
    with pytest.raises(StoreError):
        await failed
    kept.append(keep(commits, [("d",)]))
    await asyncio.sleep(0.05)
    assert not any(each.done() for each in kept)
    disk.error = None
    disk.batches.clear()
    await submit(commits, [("e",)])
    await asyncio.gather(*kept)
    done = [commit for batch in disk.batches for commit in batch]
    assert done == [[("a",)], [("c",)], [("d",)], [("e",)]]
    await commits.close()


async def test_a_store_in_trouble_can_still_be_closed() -> None:
    disk = Disk()
    commits = Commits(disk.apply)
    commits.open()
    disk.error = OSError("no disk")
    kept = keep(commits, ONE)
    await asyncio.wait_for(commits.close(), 5)
    with pytest.raises(StoreError):
        await kept


async def test_what_can_never_be_done_holds_up_nothing() -> None:
    async def apply(batch: list[list[Operation]]) -> list[Exception | None]:
        return [ValueError("never") if commit == [("bad",)] else None for commit in batch]

    commits = Commits(apply)
    commits.open()
    for hand_in in (keep, submit):
        bad = hand_in(commits, [("bad",)])
        await submit(commits, ONE)
        with pytest.raises(StoreError, match="never"):
            await bad
    await commits.close()
