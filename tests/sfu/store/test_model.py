"""Random commits, and what each store makes of them."""

import asyncio
from pathlib import Path

import pytest

from sfu.participant import Role
from sfu.store import make_store
from sfu.store.records import Event, Stay
from sfu.store.writes import (
    AddUsage,
    OpenEvent,
    OpenStay,
    RemoveRoom,
    RevokeToken,
    SaveBan,
    SaveIdentity,
    SaveRoom,
    Write,
)
from tests.sfu.store.conftest import MakeStore
from tests.sfu.store.model import NOW, Model, check, commit_of, waiting

STAY = Stay("p", "acme", "a", "e", "i", NOW, Role.VIEWER, NOW)


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


@pytest.mark.parametrize(
    "missing",
    [
        SaveRoom("acme", "d", {}, 1),
        RemoveRoom("acme", "progress"),
        SaveBan("acme", "a", "eve", 0.0),
        SaveIdentity("acme", "a", "eve", {}),
        RevokeToken("acme", "j", NOW),
        OpenStay(STAY),
        OpenEvent(Event("e", "acme", "a", "webinar", NOW)),
        AddUsage("acme", "a", "u", {}, NOW),
    ],
)
async def test_the_model_would_see_what_is_missing(tmp_path: Path, missing: Write) -> None:
    store, model = make_store(tmp_path / "sfu.sqlite", ""), Model()
    await store.open()
    for write in commit_of(0, 0):
        model.apply(write)
    await store.commit(commit_of(0, 0))
    await check(store, model)
    model.apply(missing)
    with pytest.raises(AssertionError):
        await check(store, model)
    await store.close()
