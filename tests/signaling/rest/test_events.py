"""/v1/rooms/{room}/events."""

from typing import Any

from sfu.commands import Block, GrantSeat, Lock, Remove, RevokeSeat
from sfu.participant import Role
from tests.signaling.rest.backend import OTHER_SECRET, Backend, serving


async def entries(backend: Backend, query: str = "") -> list[dict[str, Any]]:
    await backend.journal.durable()
    items: list[dict[str, Any]] = (await backend.ask("GET", f"/v1/rooms/hall/events{query}"))[
        "items"
    ]
    return items


async def test_who_did_what_to_whom(backend: Backend) -> None:
    await backend.create()
    ann = backend.join("ann", Role.ORGANIZER)
    backend.join("bob")
    live = backend.live()
    live.execute(Lock(True), ann.id)
    backend.join("eve")  # waits
    await backend.ask("POST", "/v1/rooms/hall/participants/p-eve/admit")
    live.execute(GrantSeat("p-bob"), ann.id)
    live.execute(RevokeSeat("p-bob"), ann.id)
    live.execute(Block("p-bob", True), ann.id)
    live.execute(Remove("p-bob", ban=True), ann.id)
    await backend.ask("POST", "/v1/rooms/hall/mode", json={"mode": "meeting"})
    await backend.ask("PATCH", "/v1/rooms/hall", json={"limits": {"attendees": 7}})
    await backend.ask("POST", "/v1/rooms/hall/end")
    found = await entries(backend)
    assert [(each["event"], name(each["by"]), name(each["participant"])) for each in found] == [
        ("room.started", None, None),
        ("room.locked", "ann", None),
        ("participant.admitted", None, "eve"),
        ("seat.granted", "ann", "bob"),
        ("seat.revoked", "ann", "bob"),
        ("participant.blocked", "ann", "bob"),
        ("participant.banned", "ann", "bob"),
        ("mode.changed", None, None),
        ("room.configured", None, None),
        ("room.ended", None, None),
    ]
    assert found[7]["details"] == {"mode": "meeting"}
    assert found[3]["participant"] == {"id": "p-bob", "identity": "bob", "name": "Bob"}
    assert len({each["id"] for each in found}) == len(found)
    assert found[0]["at"] <= found[-1]["at"]


def name(person: dict[str, str] | None) -> str | None:
    return None if person is None else person["identity"]


async def test_what_changes_nothing_is_not_logged(backend: Backend) -> None:
    await backend.create()
    ann = backend.join("ann", Role.ORGANIZER)
    live = backend.live()
    live.execute(Lock(False), ann.id)
    await backend.ask("POST", "/v1/rooms/hall/participants/p-none/remove", 404)
    await backend.ask("POST", "/v1/rooms/hall/start", 409)
    assert [each["event"] for each in await entries(backend)] == ["room.started"]


async def test_pages_and_tenants_and_rooms_that_are_gone(backend: Backend) -> None:
    await backend.create()
    for locked in (True, False, True):
        backend.live().execute(Lock(locked), None)
    await backend.journal.durable()
    first = await backend.ask("GET", "/v1/rooms/hall/events?limit=3")
    rest = await backend.ask("GET", f"/v1/rooms/hall/events?cursor={first['cursor']}")
    assert [len(page["items"]) for page in (first, rest)] == [3, 1]
    empty = await backend.ask("GET", f"/v1/rooms/hall/events?cursor={rest['cursor']}")
    assert empty == {"items": [], "cursor": None}
    await backend.ask("GET", "/v1/rooms/none/events", 404)
    await backend.ask("GET", "/v1/rooms/hall/events?cursor=c123", 422)
    other = Backend(backend.server, "globex", OTHER_SECRET)
    await other.ask("GET", "/v1/rooms/hall/events", 404)
    await backend.ask("DELETE", "/v1/rooms/hall", 204)
    assert len(await entries(backend)) == 5


async def test_the_log_survives_the_process(tmp_path: Any) -> None:
    for number in range(2):
        async with serving(tmp_path / "sfu.sqlite") as backend:
            if number == 0:
                await backend.create()
            found = await entries(backend)
            assert [each["event"] for each in found] == ["room.started"]
