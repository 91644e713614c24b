"""/v1/rooms: made, shown, changed, run, removed."""

import asyncio
import dataclasses
import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse

from sfu.commands import Admit, Command, Configure, End, Lock, SetMode, Start
from sfu.config import Settings, too_many_slots
from sfu.errors import Refusal
from sfu.journal import Journal
from sfu.live_room import LiveRoom
from sfu.options import ALL_SOURCES, Mode, Options, State
from sfu.passwords import hash_password
from sfu.signaling.rest import bodies, paging
from sfu.signaling.rest.gate import Caller, Calling, Guarded
from sfu.signaling.rest.idempotency import Once, once
from sfu.signaling.rest.problems import responses
from sfu.signaling.rest.views import RoomList, RoomView, etag, room_view
from sfu.track import Source

router = APIRouter(prefix="/v1/rooms", route_class=Guarded, tags=["rooms"])

_ETAG: dict[str, Any] = {
    "headers": {
        "ETag": {"description": "Of this version of the room.", "schema": {"type": "string"}}
    }
}
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern="^[!-~]+$",
        description="The same request with the same key, within a day, is carried out once.",
    ),
]
IfMatch = Annotated[
    str | None,
    Header(
        max_length=255,
        description="The room's `ETag` as it was read: refused when it has changed since.",
    ),
]


def defaults(settings: Settings, *, dev: bool) -> Options:
    """What a room has that nobody has said anything of."""
    room = settings.room
    return Options(
        access="open" if dev else "token",
        video=room.video,
        screen=room.screen,
        presenters=room.presenters,
        cameras=room.cameras,
        attendees=room.attendees,
        meeting=room.meeting,
        microphones=room.microphones,
    )


@router.post(
    "",
    status_code=201,
    response_model=RoomView,
    summary="Create a room",
    responses=responses(409) | {201: _ETAG},
)
async def create(
    request: Request,
    body: bodies.CreateRoom,
    caller: Calling,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """The room is `preparing` until it is started."""
    if idempotency_key is None:
        return await _create(request, caller, body, None)
    async with once(caller, idempotency_key, await request.body()) as attempt:
        former = await attempt.former()
        return former or await _create(request, caller, body, attempt)


async def _create(
    request: Request, caller: Caller, body: bodies.CreateRoom, attempt: Once | None
) -> Response:
    changes = await _changes(body, defaults(caller.rest.settings, dev=caller.rest.dev))
    options = dataclasses.replace(changes, kind=body.kind)
    if _lacks_password(options):
        raise Refusal("bad_request", "access by password needs one", path="password")
    id = body.room or f"room-{secrets.token_hex(8)}"
    journal = caller.journal
    if caller.rooms.find(caller.tenant, id) is not None:
        raise Refusal("room_exists", "there is a room of this name already")
    with journal.together() as writes:
        live = caller.rooms.create(
            caller.tenant, id, options, state=State.PREPARING, locked=body.locked
        )
        view = room_view(live.room, journal.kept(live.room)).model_dump(mode="json")
        location = f"{request.scope.get('root_path', '')}/v1/rooms/{id}"
        tag = etag(journal.kept(live.room))
        if attempt is not None:
            writes.append(attempt.keep(view, location, tag))
    commit = journal.written
    assert commit is not None
    commit.add_done_callback(lambda done: _undo(caller, live, done))
    if attempt is not None:
        attempt.follow(commit)
    await journal.durable()
    return JSONResponse(view, 201, {"Location": location, "ETag": tag})


def _undo(caller: Caller, live: LiveRoom, commit: asyncio.Future[None]) -> None:
    """A room that cannot be kept is no room: whoever made it was told of a failure."""
    if commit.cancelled() or commit.exception() is None:
        return
    room = live.room
    journal = caller.rest.find_journal()
    if journal is not None and caller.rooms.find(room.tenant, room.id) is live:
        journal.forget(room.tenant, room.id)
        caller.rooms.remove(room.tenant, room.id)


@router.get("", response_model=RoomList, summary="List rooms", responses=responses())
async def rooms(
    caller: Calling,
    limit: paging.Limit = 100,
    cursor: paging.Cursor = None,
    state: Annotated[State | None, Query(description="Those in this state only.")] = None,
) -> RoomList:
    """By id."""
    found = [
        live.room for live in caller.rooms.of(caller.tenant) if state in (None, live.room.state)
    ]
    shown, following = paging.page("rooms", found, lambda room: room.id, limit, cursor)
    items = [room_view(room, caller.journal.kept(room)) for room in shown]
    return RoomList(items=items, cursor=following)


@router.get(
    "/{room}",
    response_model=RoomView,
    summary="Show a room",
    responses=responses(404) | {200: _ETAG},
)
async def show(room: str, caller: Calling) -> Response:
    """Its settings and state."""
    return _shown(caller.journal, caller.live(room))


@router.patch(
    "/{room}",
    response_model=RoomView,
    summary="Change settings",
    responses=responses(404, 409, 412) | {200: _ETAG},
)
async def change(
    room: str, body: bodies.RoomSettings, caller: Calling, if_match: IfMatch = None
) -> Response:
    """Live, too: raising a cap lets in those who wait. `limits` are merged one by one."""
    live = caller.live(room)
    said = body.model_fields_set
    if {"access", "password"} <= said and (body.access, body.password) == ("password", None):
        raise Refusal("bad_request", "access by password needs one", path="password")
    _check_match(caller, live, if_match)
    before = live.room.options
    options = await _changes(body, before)
    # Others had time to change the room meanwhile.
    live = caller.live(room)
    _check_match(caller, live, if_match)
    options = _merged(live.room.options, before, options)
    if _lacks_password(options):
        raise Refusal("password_missing", "the room would ask for a password and have none")
    journal = caller.journal
    with journal.together():
        if "locked" in body.model_fields_set and body.locked != live.room.locked:
            live.execute(Lock(body.locked), None)
        live.execute(Configure(options), None)
    answer = _shown(journal, live)
    await journal.durable()
    return answer


@router.delete(
    "/{room}",
    status_code=204,
    response_class=Response,
    summary="End and remove a room",
    responses=responses(404),
)
async def remove(room: str, caller: Calling) -> None:
    """Everybody goes. Its usage records stay."""
    live = caller.live(room)
    journal = caller.journal
    with journal.together():
        if live.room.state is not State.ENDED:
            live.execute(End(), None)
        caller.rooms.remove(caller.tenant, room)
        journal.forget(caller.tenant, room)
    await journal.durable()


@router.post(
    "/{room}/start", response_model=RoomView, summary="Start", responses=responses(404, 409)
)
async def start(room: str, caller: Calling) -> Response:
    """Who waited for it comes in. A permanent room can be started again after its end."""
    return await _done(caller, room, Start())


@router.post("/{room}/end", response_model=RoomView, summary="End", responses=responses(404, 409))
async def end(room: str, caller: Calling) -> Response:
    """Everybody goes."""
    return await _done(caller, room, End())


@router.post("/{room}/lock", response_model=RoomView, summary="Lock", responses=responses(404, 409))
async def lock(room: str, caller: Calling) -> Response:
    """Newcomers wait until somebody lets them in."""
    return await _done(caller, room, Lock(True))


@router.post(
    "/{room}/unlock", response_model=RoomView, summary="Unlock", responses=responses(404, 409)
)
async def unlock(room: str, caller: Calling) -> Response:
    """Who waited for it comes in."""
    return await _done(caller, room, Lock(False))


@router.post(
    "/{room}/mode",
    response_model=RoomView,
    summary="Change the mode",
    responses=responses(404, 409),
)
async def mode(room: str, body: bodies.SetMode, caller: Calling) -> Response:
    """Who is heard and seen by whom."""
    return await _done(caller, room, SetMode(Mode(body.mode)))


@router.post(
    "/{room}/admit",
    response_model=RoomView,
    summary="Let in all who wait",
    responses=responses(404, 409),
)
async def admit_all(room: str, caller: Calling) -> Response:
    """In their order, as far as there are places."""
    return await _done(caller, room, Admit(None))


async def _done(caller: Caller, room: str, command: Command) -> Response:
    live = caller.live(room)
    journal = caller.journal
    live.execute(command, None)
    answer = _shown(journal, live)  # now: the room may be removed meanwhile
    await journal.durable()
    return answer


def _shown(journal: Journal, live: LiveRoom) -> Response:
    kept = journal.kept(live.room)
    view = room_view(live.room, kept).model_dump(mode="json")
    return JSONResponse(view, headers={"ETag": etag(kept)})


def _lacks_password(options: Options) -> bool:
    return options.access == "password" and options.password is None


def _check_match(caller: Caller, live: LiveRoom, if_match: str | None) -> None:
    """RFC 9110 §13.1.1; weak tags never match."""
    if if_match is None or if_match.strip() == "*":
        return
    tags = [tag.strip() for tag in if_match.split(",")]
    if etag(caller.journal.kept(live.room)) not in tags:
        raise Refusal("precondition_failed", "the room has changed since it was read")


async def _changes(body: bodies.RoomSettings, before: Options) -> Options:
    """The settings with what a body says put over them."""
    said = {name: getattr(body, name) for name in body.model_fields_set}
    limits: bodies.Limits | None = said.pop("limits", None)
    for name in ("locked", "room", "kind"):
        said.pop(name, None)
    if limits is not None:
        said |= {name: getattr(limits, name) for name in limits.model_fields_set}
    if "sources" in said:
        said["sources"] = (
            ALL_SOURCES if body.sources is None else frozenset(map(Source, body.sources))
        )
    if said.get("password") is not None:
        # It takes a while on purpose: the event loop is not to wait for it.
        said["password"] = await asyncio.to_thread(hash_password, said["password"])
    changed = dataclasses.replace(before, **said)
    if wrong := too_many_slots(changed.presenters, changed.meeting):
        raise Refusal("bad_request", wrong, path="limits")
    return changed


def _merged(now: Options, before: Options, wanted: Options) -> Options:
    """What this request changes, put over what the room has become meanwhile."""
    changed = {
        each.name: getattr(wanted, each.name)
        for each in dataclasses.fields(Options)
        if getattr(wanted, each.name) != getattr(before, each.name)
    }
    return dataclasses.replace(now, **changed)
