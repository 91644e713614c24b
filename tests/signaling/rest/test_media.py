"""/v1/top and /v1/rooms/{room}/media."""

from tests.signaling.rest.backend import OTHER_SECRET, Backend


async def test_rooms_and_people_by_pages(backend: Backend) -> None:
    for room in ("a", "b"):
        await backend.create(room)
    for name in ("ann", "bob", "eve"):
        backend.join(name, room="a")
    page = await backend.ask("GET", "/v1/top?limit=1")
    assert [(each["room"], each["people"]) for each in page["items"]] == [("a", 3)]
    page = await backend.ask("GET", f"/v1/top?cursor={page['cursor']}")
    assert [each["room"] for each in page["items"]] == ["b"]
    assert page["cursor"] is None
    page = await backend.ask("GET", "/v1/rooms/a/media?limit=2")
    first = page["items"][0]
    assert (first["id"], first["role"]) == ("p-ann", "attendee")
    assert (first["send"], first["receive"], first["quality"]) == (None, None, None)
    page = await backend.ask("GET", f"/v1/rooms/a/media?cursor={page['cursor']}")
    assert [each["identity"] for each in page["items"]] == ["eve"]


async def test_a_tenant_sees_its_own_rooms_alone(backend: Backend) -> None:
    await backend.create("a")
    other = Backend(backend.server, "globex", OTHER_SECRET)
    assert (await other.ask("GET", "/v1/top"))["items"] == []
    assert (await other.ask("GET", "/v1/rooms/a/media", 404))["code"] == "room_not_found"
    other.http.headers["Authorization"] = "Bearer globex:wrong"
    assert (await other.ask("GET", "/v1/top", 401))["code"] == "unauthorized"


async def test_quality_is_shown_with_the_person(backend: Backend) -> None:
    await backend.create("a")
    backend.join("ann", room="a")
    path = "/v1/rooms/a/participants/p-ann"
    assert (await backend.ask("GET", path))["quality"] is None
    backend.server.rooms.account("p-ann").score(43.21, 10.0)
    assert (await backend.ask("GET", path))["quality"] == 4.32
    (shown,) = (await backend.ask("GET", "/v1/rooms/a/media"))["items"]
    assert shown["quality"] == 4.32
