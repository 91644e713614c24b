"""/v1/rooms/{room}/events: who had what done in a room, and when."""

from typing import Any, cast

from fastapi import APIRouter
from pydantic import Field

from sfu.errors import Refusal
from sfu.event_log import EVENTS
from sfu.signaling.rest import paging
from sfu.signaling.rest.gate import Calling, Guarded
from sfu.signaling.rest.problems import responses
from sfu.signaling.rest.views import View

router = APIRouter(prefix="/v1/rooms/{room}", route_class=Guarded, tags=["rooms"])


class PersonView(View):
    """Somebody as they were called then."""

    id: str
    identity: str
    name: str


class EventView(View):
    """An order that has changed something."""

    id: str
    at: str
    room: str
    event: str = Field(json_schema_extra=cast(Any, {"enum": sorted(EVENTS)}))
    by: PersonView | None
    """Who gave it; null for the backend, and for the server itself."""
    participant: PersonView | None
    """Whom it was about, if it was one person."""
    details: dict[str, Any]
    """By `event`: mode, reason, source, sources, all."""


class EventList(View):
    """A page of a room's event log, oldest first."""

    items: list[EventView]
    cursor: str | None
    """Goes on behind the last item, now or later; null on an empty page."""


_EVENTS = "\n".join(f"- `{event}`: {meaning}" for event, meaning in EVENTS.items())


@router.get(
    "/events",
    response_model=EventList,
    summary="Event log",
    responses=responses(404),
    description="Who was granted, muted, admitted, removed, blocked, by whom and when; also of a "
    "room that was removed, as long as `[store] events_kept` says. Comings and goings are in "
    f"the usage records.\n\n{_EVENTS}",
)
async def events(
    room: str, caller: Calling, limit: paging.Limit = 100, cursor: paging.Cursor = None
) -> EventList:
    """Entries of one room."""
    position = None if cursor is None else paging.decode("events", cursor)
    journal = caller.journal
    try:
        page = await journal.store.log(caller.tenant, room, cursor=position, limit=limit)
    except ValueError:
        raise Refusal("bad_request", "this is no cursor of this list", path="cursor") from None
    if not page.items and cursor is None:
        caller.live(room)  # a room that has never been is no empty list
    following = paging.encode("events", page.cursor) if page.items and page.cursor else None
    items = [EventView.model_validate(dict(entry)) for entry in page.items]
    return EventList(items=items, cursor=following)
