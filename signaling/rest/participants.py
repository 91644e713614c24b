"""/v1/rooms/{room}/participants and …/messages: who is there, moderation, app messages."""

from typing import Annotated

from fastapi import APIRouter, Body, Query, Response

from sfu.commands import (
    Admit,
    Allow,
    Block,
    Command,
    GrantSeat,
    Mute,
    Promote,
    Remove,
    RevokeSeat,
    Send,
)
from sfu.errors import Refusal
from sfu.participant import Participant
from sfu.room import Room
from sfu.room.doors import positions
from sfu.signaling.rest import bodies, paging
from sfu.signaling.rest.gate import Caller, Calling, Guarded
from sfu.signaling.rest.problems import responses
from sfu.signaling.rest.views import ParticipantList, ParticipantView, participant_view
from sfu.track import Source

router = APIRouter(prefix="/v1/rooms/{room}", route_class=Guarded, tags=["participants"])


@router.get(
    "/participants",
    response_model=ParticipantList,
    summary="List people",
    responses=responses(404),
)
async def participants(
    room: str,
    caller: Calling,
    limit: paging.Limit = 100,
    cursor: paging.Cursor = None,
    waiting: Annotated[
        bool | None, Query(description="Those at the door only, or those inside only.")
    ] = None,
) -> ParticipantList:
    """Those inside, and those who wait at the door."""
    live = caller.live(room)
    found = live.room
    people: list[Participant] = []
    if waiting is not True:
        people += found.participants.values()
    if waiting is not False:
        people += found.waiting.values()
    shown, following = paging.page("participants", people, lambda each: each.id, limit, cursor)
    places = positions(live.room)
    return ParticipantList(
        items=[participant_view(live, each, places) for each in shown], cursor=following
    )


@router.get(
    "/participants/{id}",
    response_model=ParticipantView,
    summary="Show a person",
    responses=responses(404),
)
async def show(room: str, id: str, caller: Calling) -> ParticipantView:
    """Inside, or at the door."""
    live = caller.live(room)
    return participant_view(live, _person(live.room, id), positions(live.room))


@router.post(
    "/participants/{id}/admit",
    response_model=ParticipantView,
    summary="Let in",
    responses=responses(404, 409),
)
async def admit(room: str, id: str, caller: Calling) -> ParticipantView:
    """Somebody who waits; a place they need all the same."""
    _person(caller.live(room).room, id)
    return await _done(caller, room, id, Admit(id))


@router.post(
    "/participants/{id}/remove",
    status_code=204,
    response_class=Response,
    summary="Remove",
    responses=responses(404),
)
async def remove(
    room: str,
    id: str,
    caller: Calling,
    body: Annotated[bodies.RemoveParticipant | None, Body()] = None,
) -> None:
    """Disconnects somebody, from inside or from the door; `ban` for good."""
    live = caller.live(room)
    live.execute(Remove(id, ban=body is not None and body.ban), None)
    await caller.journal.durable()


@router.post(
    "/participants/{id}/block",
    response_model=ParticipantView,
    summary="Block",
    responses=responses(404),
)
async def block(room: str, id: str, caller: Calling) -> ParticipantView:
    """They keep watching, and may not publish."""
    return await _done(caller, room, id, Block(id, True))


@router.post(
    "/participants/{id}/unblock",
    response_model=ParticipantView,
    summary="Unblock",
    responses=responses(404),
)
async def unblock(room: str, id: str, caller: Calling) -> ParticipantView:
    """They may publish again."""
    return await _done(caller, room, id, Block(id, False))


@router.post(
    "/participants/{id}/mute",
    response_model=ParticipantView,
    summary="Mute",
    responses=responses(404),
)
async def mute(room: str, id: str, body: bodies.MuteSource, caller: Calling) -> ParticipantView:
    """Nobody but the person turns it on again."""
    return await _done(caller, room, id, Mute(id, Source(body.source), True))


@router.post(
    "/participants/{id}/allow",
    response_model=ParticipantView,
    summary="Narrow what may be published",
    responses=responses(404),
)
async def allow(room: str, id: str, body: bodies.AllowSources, caller: Calling) -> ParticipantView:
    """What is published and not allowed any longer ends."""
    sources = None if body.sources is None else frozenset(map(Source, body.sources))
    return await _done(caller, room, id, Allow(id, sources))


@router.post(
    "/participants/{id}/seat",
    response_model=ParticipantView,
    summary="Give a seat",
    responses=responses(404, 409),
)
async def grant_seat(room: str, id: str, caller: Calling) -> ParticipantView:
    """Makes somebody a presenter, on the connections they have."""
    return await _done(caller, room, id, GrantSeat(id))


@router.delete(
    "/participants/{id}/seat",
    response_model=ParticipantView,
    summary="Take the seat",
    responses=responses(404, 409),
)
async def revoke_seat(room: str, id: str, caller: Calling) -> ParticipantView:
    """Unpublished at once, an attendee from now on."""
    return await _done(caller, room, id, RevokeSeat(id))


@router.post(
    "/participants/{id}/promote",
    response_model=ParticipantView,
    summary="Make a viewer an attendee",
    responses=responses(403, 404, 409),
)
async def promote(room: str, id: str, caller: Calling) -> ParticipantView:
    """On the connections they have."""
    return await _done(caller, room, id, Promote(id))


@router.post(
    "/messages",
    status_code=204,
    response_class=Response,
    summary="Send an app message",
    responses=responses(404),
)
async def message(room: str, body: bodies.SendMessage, caller: Calling) -> None:
    """To those who are in the room now; `from` is null."""
    live = caller.live(room)
    most = caller.rest.settings.limits.message_bytes
    try:
        size = bodies.size_of(body.body)
    except ValueError:  # NaN and lone surrogates, which JSON cannot carry on
        raise Refusal("bad_request", "this is no JSON", path="body") from None
    if size > most:
        raise Refusal("too_large", f"a message has {most} bytes of JSON at most", path="body")
    live.execute(Send(body.to, body.topic, body.body), None)


async def _done(caller: Caller, room: str, id: str, command: Command) -> ParticipantView:
    live = caller.live(room)
    live.execute(command, None)
    # Taken before the wait: the person may be gone after it, and it was done all the same.
    view = participant_view(live, _person(live.room, id), positions(live.room))
    await caller.journal.durable()
    return view


def _person(room: Room, id: str) -> Participant:
    return room.waiting.get(id) or room.participant(id)
