"""People, moderation, app messages."""

import asyncio

from sfu.events import MessageSent
from sfu.participant import Role
from sfu.track import Media, Source, Track
from tests.signaling.rest.backend import Backend

PEOPLE = "/v1/rooms/hall/participants"


async def test_who_is_there(backend: Backend) -> None:
    await backend.create(locked=True)
    backend.join("ann", Role.PRESENTER)
    backend.join("bob")
    page = await backend.ask("GET", PEOPLE)
    ann, bob = page["items"]
    assert (ann["identity"], ann["role"], ann["seat"], ann["state"]) == (
        "ann", "presenter", 1, "admitted",
    )  # fmt: skip
    assert (bob["seat"], bob["state"], bob["position"], bob["reason"]) == (
        None, "waiting", 1, "locked",
    )  # fmt: skip
    assert await backend.ask("GET", f"{PEOPLE}/p-bob") == bob
    assert (await backend.ask("GET", f"{PEOPLE}?waiting=true"))["items"] == [bob]
    assert (await backend.ask("GET", f"{PEOPLE}?waiting=false"))["items"] == [ann]
    first = await backend.ask("GET", f"{PEOPLE}?limit=1")
    second = await backend.ask("GET", f"{PEOPLE}?limit=1&cursor={first['cursor']}")
    assert (first["items"], second["items"], second["cursor"]) == ([ann], [bob], None)


async def test_somebody_who_is_not_there(backend: Backend) -> None:
    await backend.create()
    for method, path, body in (
        ("GET", "", None),
        ("POST", "/admit", None),
        ("POST", "/remove", None),
        ("POST", "/block", None),
        ("POST", "/unblock", None),
        ("POST", "/mute", {"source": "camera"}),
        ("POST", "/allow", {"sources": None}),
        ("POST", "/seat", None),
        ("DELETE", "/seat", None),
        ("POST", "/promote", None),
    ):
        problem = await backend.ask(method, f"{PEOPLE}/p-nobody{path}", 404, body)
        assert problem["code"] == "participant_not_found"


async def test_letting_in(backend: Backend) -> None:
    await backend.create(locked=True)
    backend.join("bob")
    admitted = await backend.ask("POST", f"{PEOPLE}/p-bob/admit")
    assert (admitted["state"], admitted["position"]) == ("admitted", None)
    assert (await backend.ask("POST", f"{PEOPLE}/p-bob/admit", 409))["code"] == "not_waiting"


async def test_sending_away(backend: Backend) -> None:
    await backend.create()
    backend.join("ann")
    backend.join("bob")
    await backend.ask("POST", f"{PEOPLE}/p-ann/remove", 204)
    await backend.ask("POST", f"{PEOPLE}/p-bob/remove", 204, {"ban": True})
    room = backend.live().room
    assert room.participants == {}
    assert room.banned == {"bob"}
    await backend.ask("POST", f"{PEOPLE}/p-bob/remove", 404)


async def test_seats(backend: Backend) -> None:
    await backend.create(limits={"presenters": 1})
    backend.join("ann")
    backend.join("bob")
    seated = await backend.ask("POST", f"{PEOPLE}/p-ann/seat")
    assert (seated["seat"], seated["role"]) == (1, "presenter")
    assert (await backend.ask("POST", f"{PEOPLE}/p-bob/seat", 409))["code"] == "no_seat"
    assert (await backend.ask("POST", f"{PEOPLE}/p-ann/seat", 409))["code"] == "already_seated"
    stood = await backend.ask("DELETE", f"{PEOPLE}/p-ann/seat")
    assert (stood["seat"], stood["role"]) == (None, "attendee")
    assert (await backend.ask("DELETE", f"{PEOPLE}/p-ann/seat", 409))["code"] == "no_seat"


async def test_blocking_and_muting(backend: Backend) -> None:
    await backend.create()
    ann = backend.join("ann", Role.PRESENTER)
    ann.tracks[Source.MICROPHONE] = Track(ann.id, Source.MICROPHONE, Media("0", "opus", ()))
    shown = await backend.ask("GET", f"{PEOPLE}/p-ann")
    assert shown["sources"] == {"microphone": {"muted": False, "codec": "opus"}}
    ann.tracks[Source.MICROPHONE].muted = True
    same = await backend.ask("POST", f"{PEOPLE}/p-ann/mute", 200, {"source": "microphone"})
    assert same["sources"]["microphone"]["muted"] is True
    problem = await backend.ask("POST", f"{PEOPLE}/p-ann/mute", 404, {"source": "screen"})
    assert problem["code"] == "not_published"
    ann.tracks.clear()
    assert (await backend.ask("POST", f"{PEOPLE}/p-ann/block"))["blocked"] is True
    assert (await backend.ask("POST", f"{PEOPLE}/p-ann/unblock"))["blocked"] is False
    allowed = await backend.ask("POST", f"{PEOPLE}/p-ann/allow", 200, {"sources": ["camera"]})
    assert allowed["allowed"] == ["camera"]
    await backend.ask("POST", f"{PEOPLE}/p-ann/allow", 422, {})


async def test_viewers_become_attendees(backend: Backend) -> None:
    await backend.create(kind="webcast")
    backend.join("eve", Role.VIEWER)
    assert (await backend.ask("POST", f"{PEOPLE}/p-eve/promote"))["role"] == "attendee"
    assert (await backend.ask("POST", f"{PEOPLE}/p-eve/promote", 403))["code"] == "not_allowed"


async def test_app_messages(backend: Backend) -> None:
    await backend.create()
    backend.join("ann")
    events = backend.server.events()
    coming = anext(events)
    task = asyncio.ensure_future(coming)
    await asyncio.sleep(0)
    body = {"to": "p-ann", "topic": "offer", "body": {"price": 3}}
    await backend.ask("POST", "/v1/rooms/hall/messages", 204, body)
    assert (await task).change == MessageSent(None, "p-ann", "offer", {"price": 3})
    problem = await backend.ask("POST", "/v1/rooms/hall/messages", 413, {"body": "x" * 65_536})
    assert (problem["code"], problem["path"]) == ("too_large", "body")
    await backend.ask("POST", "/v1/rooms/hall/messages", 404, {"to": "p-bob", "body": 1})
    await backend.ask("POST", "/v1/rooms/hall/messages", 422, {"to": "all"})
