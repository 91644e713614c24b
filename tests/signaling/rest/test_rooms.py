"""/v1/rooms."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sfu.commands import Publish
from sfu.errors import Refusal
from sfu.participant import Role
from sfu.passwords import check_password
from sfu.store import StoreError
from sfu.store.writes import Write
from sfu.track import Media, Source
from tests.signaling.rest.backend import OTHER_SECRET, Backend, serving

EVERYTHING: dict[str, Any] = {
    "room": "town.hall-1_A",
    "kind": "webcast",
    "access": "open",
    "starts_at": "2030-01-02T03:04:05+01:00",
    "permanent": True,
    "limits": {
        "attendees": 7,
        "presenters": 2,
        "cameras": 1,
        "meeting": 3,
        "viewers": 11,
        "microphones": 3,
    },
    "video": "hd",
    "screen": "browser",
    "record": "manual",
    "messages": "to-presenters",
    "sources": ["camera", "microphone"],
    "locked": True,
    "metadata": {"order": [1, None, "ü"]},
}


async def test_every_setting_is_taken_and_shown(backend: Backend) -> None:
    made = await backend.ask("POST", "/v1/rooms", 201, EVERYTHING)
    assert {name: made[name] for name in EVERYTHING} == EVERYTHING
    assert (made["state"], made["mode"], made["version"]) == ("preparing", "webinar", 1)
    assert await backend.ask("GET", "/v1/rooms/town.hall-1_A") == made


async def test_a_room_cannot_be_left_without_the_password_that_it_asks_for(
    backend: Backend,
) -> None:
    await backend.create(access="open")
    both = {"access": "password", "password": None}
    refused = await backend.ask("PATCH", "/v1/rooms/hall", 422, both)
    assert (refused["code"], refused["path"]) == ("bad_request", "password")
    # These are wrong for this room only.
    refused = await backend.ask("PATCH", "/v1/rooms/hall", 409, {"access": "password"})
    assert refused["code"] == "password_missing"
    await backend.ask("PATCH", "/v1/rooms/hall", 200, {"access": "password", "password": "x"})
    refused = await backend.ask("PATCH", "/v1/rooms/hall", 409, {"password": None})
    assert refused["code"] == "password_missing"


async def test_what_is_left_out_has_a_default(backend: Backend) -> None:
    made = await backend.ask("POST", "/v1/rooms", 201, {})
    assert made["id"] == made["room"]
    assert made["access"] == "token"
    assert made["limits"] == {
        "attendees": 1000, "presenters": 4, "cameras": 4, "meeting": 25, "viewers": 10000,
        "microphones": 5,
    }  # fmt: skip


async def test_what_attendees_may_publish_is_set_live_and_enforced(backend: Backend) -> None:
    await backend.create(kind="meeting")
    backend.join("ann")
    room = backend.live().room
    screen = Publish("p-ann", {Source.SCREEN: Media("1", "vp8", ())})
    room.apply(screen, "p-ann", 0.0)
    assert room.sharer == "p-ann"
    made = await backend.ask(
        "PATCH", "/v1/rooms/hall", 200, {"sources": ["microphone", "microphone"]}
    )
    assert made["sources"] == ["microphone"]
    assert room.sharer is None
    with pytest.raises(Refusal, match="the room does not allow screen"):
        room.apply(screen, "p-ann", 0.0)
    made = await backend.ask("PATCH", "/v1/rooms/hall", 200, {"sources": None})
    assert made["sources"] == ["camera", "microphone", "screen", "screen_audio"]
    room.apply(screen, "p-ann", 0.0)


async def test_a_password_is_hashed_and_never_shown(backend: Backend) -> None:
    answer = await backend.http.post(
        "/v1/rooms", json={"room": "hall", "access": "password", "password": "open sesame"}
    )
    assert "sesame" not in answer.text
    stored = backend.live().room.options.password
    assert stored is not None
    assert "sesame" not in stored
    assert check_password("open sesame", stored)
    await backend.ask("PATCH", "/v1/rooms/hall", 200, {"password": "new one"})
    stored = backend.live().room.options.password
    assert stored is not None
    assert check_password("new one", stored)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"room": "a b"}, "room"),
        ({"kind": "party"}, "kind"),
        ({"limits": {"attendees": "many"}}, "limits.attendees"),
        ({"limits": {"presenters": 101}}, "limits.presenters"),
        ({"limits": {"presenters": 38}}, "limits"),
        ({"limits": {"microphones": 0}}, "limits.microphones"),
        ({"sources": ["hologram"]}, "sources.0"),
        ({"limits": {"chairs": 1}}, "limits.chairs"),
        ({"access": "password"}, "password"),
        ({"starts_at": "tomorrow"}, "starts_at"),
        ({"starts_at": "2030-01-01T00:00:00"}, "starts_at"),
        ({"permanent": 1}, "permanent"),
        ({"colour": "red"}, "colour"),
        ({"metadata": "x" * 16_384}, "metadata"),
        ([], ""),
    ],
)
async def test_a_bad_field_is_named(backend: Backend, body: Any, path: str) -> None:
    problem = await backend.ask("POST", "/v1/rooms", 422, body)
    assert (problem["code"], problem["path"]) == ("bad_request", path)
    assert len(backend.server.rooms) == 0


@pytest.mark.parametrize(
    "body", [b"{", b"", b'{"metadata": NaN}', b'{"metadata": "\\ud800"}', b"[" * 50_000, b"\xff"]
)
async def test_what_is_no_json_is_refused(backend: Backend, body: bytes) -> None:
    answer = await backend.http.post(
        "/v1/rooms", content=body, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_request")


async def test_a_name_is_taken_once(backend: Backend) -> None:
    await backend.create()
    assert (await backend.ask("POST", "/v1/rooms", 409, {"room": "hall"}))["code"] == "room_exists"


async def test_a_tenant_sees_its_own_rooms_only(backend: Backend) -> None:
    await backend.create()
    other = Backend(backend.server, "globex", OTHER_SECRET)
    assert (await other.ask("GET", "/v1/rooms"))["items"] == []
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"video": "hd"}),
        ("DELETE", "", None),
        ("POST", "/end", None),
        ("GET", "/participants", None),
        ("POST", "/tokens", {"identity": "x", "role": "organizer"}),
        ("POST", "/messages", {"body": 1}),
    ):
        problem = await other.ask(method, f"/v1/rooms/hall{path}", 404, body)
        assert problem["code"] == "room_not_found"
    # The same name is free for somebody else, and another room.
    await other.create(start=False)
    assert (await backend.ask("GET", "/v1/rooms/hall"))["state"] == "live"


async def test_a_key_retried_before_the_disk_has_it_creates_nothing_more(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sfu.journal.PATIENCE", 0.05)
    keep, held = backend.journal.store.keep, asyncio.Event()

    def slow(writes: Sequence[Write]) -> asyncio.Future[None]:
        async def later() -> None:
            await held.wait()
            await keep(writes)

        return asyncio.ensure_future(later())

    monkeypatch.setattr(backend.journal.store, "keep", slow)
    for _ in range(3):
        await backend.ask("POST", "/v1/rooms", 503, {}, Idempotency_Key="k")
    await backend.ask("POST", "/v1/rooms", 409, {"kind": "meeting"}, Idempotency_Key="k")
    assert len(backend.server.rooms) == 1
    held.set()
    monkeypatch.setattr("sfu.journal.PATIENCE", 5.0)
    made = await backend.ask("POST", "/v1/rooms", 201, {}, Idempotency_Key="k")
    again = await backend.ask("POST", "/v1/rooms", 201, {}, Idempotency_Key="k")
    assert made == again
    assert [live.room.id for live in backend.server.rooms] == [made["id"]]


async def test_a_key_whose_room_could_not_be_kept_is_free_again(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = backend.journal.store.keep

    def failing(writes: Sequence[Write]) -> asyncio.Future[None]:
        raise StoreError("too many commits wait")

    monkeypatch.setattr(backend.journal.store, "keep", failing)
    await backend.ask("POST", "/v1/rooms", 503, {}, Idempotency_Key="k")
    monkeypatch.setattr(backend.journal.store, "keep", keep)
    assert len(backend.server.rooms) == 0
    await backend.ask("POST", "/v1/rooms", 201, {}, Idempotency_Key="k")
    assert len(backend.server.rooms) == 1


async def test_the_same_request_is_carried_out_once(backend: Backend) -> None:
    body = {"kind": "meeting"}
    answers = await asyncio.gather(
        *(backend.ask("POST", "/v1/rooms", 201, body, Idempotency_Key="k-1") for _ in range(5))
    )
    assert len({answer["id"] for answer in answers}) == 1
    assert len(backend.server.rooms) == 1
    problem = await backend.ask("POST", "/v1/rooms", 409, {}, Idempotency_Key="k-1")
    assert problem["code"] == "idempotency_conflict"
    other = Backend(backend.server, "globex", OTHER_SECRET)
    made = await other.ask("POST", "/v1/rooms", 201, {}, Idempotency_Key="k-1")
    assert made["tenant"] == "globex"


async def test_a_key_is_remembered_over_a_restart(tmp_path: Path) -> None:
    async with serving(tmp_path / "sfu.sqlite") as backend:
        made = await backend.ask("POST", "/v1/rooms", 201, {}, Idempotency_Key="k-1")
    async with serving(tmp_path / "sfu.sqlite") as backend:
        assert await backend.ask("POST", "/v1/rooms", 201, {}, Idempotency_Key="k-1") == made
        assert len(backend.server.rooms) == 1


async def test_pages(backend: Backend) -> None:
    names = [f"room-{n:02}" for n in range(7)]
    for name in names:
        await backend.create(name, start=False)
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = await backend.ask("GET", f"/v1/rooms?limit=3{cursor}")
        assert len(page["items"]) <= 3
        seen += [item["id"] for item in page["items"]]
        cursor = page["cursor"] and f"&cursor={page['cursor']}"
    assert seen == names
    await backend.ask("POST", "/v1/rooms/room-03/start")
    live = await backend.ask("GET", "/v1/rooms?state=live")
    assert [item["id"] for item in live["items"]] == ["room-03"]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=0", "limit"),
        ("cursor=nonsense", "cursor"),
        ("cursor=c", "cursor"),
        ("state=x", "state"),
    ],
)
async def test_bad_pages(backend: Backend, query: str, path: str) -> None:
    assert (await backend.ask("GET", f"/v1/rooms?{query}", 422))["path"] == path


async def test_settings_are_merged(backend: Backend) -> None:
    await backend.create(limits={"attendees": 5, "presenters": 3}, metadata={"a": 1})
    changed = await backend.ask(
        "PATCH", "/v1/rooms/hall", 200, {"limits": {"attendees": 6}, "locked": True}
    )
    assert changed["limits"]["attendees"] == 6
    assert changed["limits"]["presenters"] == 3
    assert changed["metadata"] == {"a": 1}
    assert changed["locked"] is True
    cleared = await backend.ask("PATCH", "/v1/rooms/hall", 200, {"metadata": None})
    assert cleared["metadata"] is None
    for path, body in (("kind", {"kind": "webcast"}), ("video", {"video": None})):
        assert (await backend.ask("PATCH", "/v1/rooms/hall", 422, body))["path"] == path


async def test_a_raised_cap_lets_in_who_waits(backend: Backend) -> None:
    await backend.create(limits={"attendees": 1})
    backend.join("ann")
    backend.join("bob")
    assert (await backend.ask("GET", "/v1/rooms/hall"))["waiting"] == 1
    changed = await backend.ask("PATCH", "/v1/rooms/hall", 200, {"limits": {"attendees": 2}})
    assert (changed["waiting"], changed["counts"]["attendee"]) == (0, 2)


async def test_a_change_of_another_version_is_refused(backend: Backend) -> None:
    await backend.create(start=False)
    tag = (await backend.http.get("/v1/rooms/hall")).headers["etag"]
    first = await backend.http.patch(
        "/v1/rooms/hall", json={"video": "hd"}, headers={"If-Match": tag}
    )
    assert first.status_code == 200
    assert first.headers["etag"] != tag
    problem = await backend.ask("PATCH", "/v1/rooms/hall", 412, {"video": "sd"}, If_Match=tag)
    assert problem["code"] == "precondition_failed"
    for match in ("*", f'"x", {first.headers["etag"]}'):
        await backend.ask("PATCH", "/v1/rooms/hall", 200, {"video": "hd"}, If_Match=match)
    weak = f"W/{first.headers['etag']}"
    await backend.ask("PATCH", "/v1/rooms/hall", 412, {"video": "sd"}, If_Match=weak)


async def test_the_course_of_an_event(backend: Backend) -> None:
    await backend.create(start=False)
    assert (await backend.ask("POST", "/v1/rooms/hall/start"))["state"] == "live"
    again = await backend.ask("POST", "/v1/rooms/hall/start", 409)
    assert again["code"] == "wrong_state"
    assert (await backend.ask("POST", "/v1/rooms/hall/lock"))["locked"] is True
    assert (await backend.ask("POST", "/v1/rooms/hall/unlock"))["locked"] is False
    mode = await backend.ask("POST", "/v1/rooms/hall/mode", 200, {"mode": "meeting"})
    assert mode["mode"] == "meeting"
    await backend.ask("POST", "/v1/rooms/hall/mode", 422, {"mode": "party"})
    backend.join("ann")
    ended = await backend.ask("POST", "/v1/rooms/hall/end")
    assert (ended["state"], ended["counts"]["attendee"]) == ("ended", 0)
    assert (await backend.ask("POST", "/v1/rooms/hall/start", 409))["code"] == "room_ended"


async def test_a_meeting_has_its_cap(backend: Backend) -> None:
    await backend.create(limits={"meeting": 1})
    for name in ("ann", "bob"):
        backend.join(name)
    problem = await backend.ask("POST", "/v1/rooms/hall/mode", 409, {"mode": "meeting"})
    assert problem["code"] == "mode_not_possible"


async def test_all_who_wait_are_let_in(backend: Backend) -> None:
    await backend.create(locked=True)
    for name in ("ann", "bob"):
        backend.join(name)
    shown = await backend.ask("POST", "/v1/rooms/hall/admit")
    assert (shown["waiting"], shown["counts"]["attendee"]) == (0, 2)


async def test_a_removed_room_is_gone(backend: Backend) -> None:
    await backend.create()
    backend.join("ann", Role.PRESENTER)
    await backend.ask("DELETE", "/v1/rooms/hall", 204)
    await backend.ask("GET", "/v1/rooms/hall", 404)
    await backend.ask("DELETE", "/v1/rooms/hall", 404)
    kinds = {item["kind"] for item in (await backend.ask("GET", "/v1/usage"))["items"]}
    assert kinds == {"participant", "event"}


async def test_events_at_a_time_and_rooms_have_their_limits(tmp_path: Path) -> None:
    async with serving(
        tmp_path / "sfu.sqlite",
        SFU_TENANTS__ACME__PARALLEL_EVENTS="1",
        SFU_TENANTS__ACME__MAX_ROOMS="2",
    ) as backend:
        await backend.create("one")
        await backend.create("two", start=False)
        problem = await backend.ask("POST", "/v1/rooms/two/start", 409)
        assert problem["code"] == "parallel_events_exceeded"
        assert (await backend.ask("GET", "/v1/rooms/two"))["state"] == "preparing"
        problem = await backend.ask("POST", "/v1/rooms", 409, {})
        assert problem["code"] == "too_many_rooms"
        await backend.ask("POST", "/v1/rooms/one/end")
        await backend.ask("POST", "/v1/rooms/two/start")
