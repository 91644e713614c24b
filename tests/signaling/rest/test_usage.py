"""/v1/usage."""

import pytest

from sfu.commands import Leave
from tests.signaling.rest.backend import OTHER_SECRET, Backend


async def test_one_record_of_each_stay_and_each_event(backend: Backend) -> None:
    await backend.create()
    for name in ("ann", "bob"):
        backend.join(name)
    backend.live().execute(Leave("p-ann"), "p-ann")
    await backend.ask("POST", "/v1/rooms/hall/end")
    items = (await backend.ask("GET", "/v1/usage"))["items"]
    assert [(item["kind"], item.get("identity"), item["reason"]) for item in items] == [
        ("participant", "ann", "left"),
        ("participant", "bob", "ended"),
        ("event", None, "ended"),
    ]
    assert items[2]["peak_attendance"] == 2
    other = Backend(backend.server, "globex", OTHER_SECRET)
    assert (await other.ask("GET", "/v1/usage"))["items"] == []


@pytest.mark.parametrize("name", ["cursor", "since"])
async def test_whoever_goes_on_sees_each_once(backend: Backend, name: str) -> None:
    await backend.create()
    seen: list[str] = []
    query = ""
    for round in range(3):
        for person in range(3):
            backend.join(f"{round}-{person}")
            backend.live().execute(Leave(f"p-{round}-{person}"), None)
        await backend.journal.durable()
        while (page := await backend.ask("GET", f"/v1/usage?limit=2{query}"))["items"]:
            seen += [item["identity"] for item in page["items"]]
            query = f"&{name}={page['cursor']}"
        assert page["cursor"] is None
    assert seen == [f"{round}-{person}" for round in range(3) for person in range(3)]


async def test_since_a_time(backend: Backend) -> None:
    await backend.create()
    backend.join("ann")
    await backend.ask("POST", "/v1/rooms/hall/end")
    assert (await backend.ask("GET", "/v1/usage?since=2099-01-01T00:00:00Z"))["items"] == []
    for since in (
        "2020-01-01T00:00:00Z",
        "2020-01-01T00:00:00%2B02:00",
        "2020-01-01T00:00:00+02:00",
    ):
        page = await backend.ask("GET", f"/v1/usage?since={since}")
        assert len(page["items"]) == 2


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("since=yesterday", "cursor"),
        ("since=2020-01-01T00:00:00", "since"),
        ("since=2020-13-01", "since"),
        ("cursor=cdXNhZ2U6eA", "cursor"),
        ("limit=1001", "limit"),
    ],
)
async def test_bad_queries(backend: Backend, query: str, path: str) -> None:
    assert (await backend.ask("GET", f"/v1/usage?{query}", 422))["path"] == path
