"""Random commits, and what each store makes of them."""

import asyncio
from pathlib import Path

import pytest

from sfu.store import make_store
from tests.sfu.store.conftest import MakeStore
from tests.sfu.store.model import Model, check, commit_of, progress, waiting


@pytest.mark.parametrize("seed", range(10))
async def test_a_store_holds_what_its_commits_make(make: MakeStore, seed: int) -> None:
    store, model = make(), Model()
    await store.open()
    for part in range(4):
        numbers = range(part * 40, part * 40 + 40)
        await asyncio.gather(*(store.commit(commit_of(seed, n)) for n in numbers))
        for n in numbers:
            for write in commit_of(seed, n):
                model.apply(write)
        await check(store, model)
        assert await waiting(store) == model.enqueued
        if part % 2:
            await store.close()
            store = make()
            await store.open()
    await store.close()


async def test_the_model_would_see_what_is_missing(tmp_path: Path) -> None:
    store, model = make_store(tmp_path / "sfu.sqlite", ""), Model()
    await store.open()
    for n in range(200):
        for write in commit_of(0, n):
            model.apply(write)
        writes = commit_of(0, n)
        await store.commit(writes if n != 100 else writes[:-1])
    assert await progress(store) == 200
    with pytest.raises(AssertionError):
        await check(store, model)
        assert await waiting(store) == model.enqueued
    await store.close()
