"""The event logs of rooms, the same in every store."""

import pytest

from sfu.store import Store
from sfu.store.writes import LogEvent, Prune, RemoveRoom, SaveRoom

NOW = 1_700_000_000.0
DAY = 86_400.0


async def test_a_log_is_read_page_by_page_and_outlives_its_room(store: Store) -> None:
    await store.commit([SaveRoom("acme", "a", {}, 1)])
    await store.commit([LogEvent("acme", "a", NOW - n, {"n": n}) for n in range(5)])
    await store.commit([LogEvent("acme", "b", NOW, {}), LogEvent("other", "a", NOW, {})])
    await store.commit([RemoveRoom("acme", "a")])
    seen, cursor = [], None
    while (page := await store.log("acme", "a", cursor=cursor, limit=2)).items:
        seen += [entry["n"] for entry in page.items]
        cursor = page.cursor
    assert seen == [0, 1, 2, 3, 4]
    assert len((await store.log("other", "a")).items) == 1
    assert (await store.log("acme", "none")).items == []
    with pytest.raises(ValueError, match="cursor"):
        await store.log("acme", "a", cursor="rubbish")


async def test_a_log_is_bounded_in_length_and_age(store: Store) -> None:
    await store.commit([LogEvent("acme", "a", NOW, {"n": n}) for n in range(500)])
    await store.commit([LogEvent("acme", "b", NOW - 91 * DAY, {}), LogEvent("acme", "b", NOW, {})])
    kept = (await store.log("acme", "a", limit=1000)).items
    assert 100 <= len(kept) <= 164
    assert kept[-1] == {"n": 499}
    await store.commit([Prune(NOW)])
    assert len((await store.log("acme", "b")).items) == 1
