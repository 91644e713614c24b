"""/v1/top and /v1/rooms/{room}/media: what is sent and received now, for operators."""

from fastapi import APIRouter

from sfu.media import overview
from sfu.signaling.rest import paging
from sfu.signaling.rest.gate import Calling, Guarded
from sfu.signaling.rest.media_views import MediaList, RoomMediaList, media_view, room_media_view
from sfu.signaling.rest.problems import responses

router = APIRouter(prefix="/v1", route_class=Guarded, tags=["media"])


@router.get(
    "/top", response_model=RoomMediaList, summary="Media of all rooms", responses=responses()
)
async def top(
    caller: Calling, limit: paging.Limit = 100, cursor: paging.Cursor = None
) -> RoomMediaList:
    """What each room's publishers send, and what its receivers' paths carry. Rates are of the
    last second."""
    rooms = caller.rooms.of(caller.tenant)
    shown, following = paging.page("top", rooms, lambda live: live.room.id, limit, cursor)
    items = [room_media_view(live.room, overview(live)) for live in shown]
    return RoomMediaList(items=items, cursor=following)


@router.get(
    "/rooms/{room}/media",
    response_model=MediaList,
    summary="Media of a room's people",
    responses=responses(404),
)
async def media(
    room: str, caller: Calling, limit: paging.Limit = 100, cursor: paging.Cursor = None
) -> MediaList:
    """What each person inside sends, layer by layer, and what their path carries."""
    live = caller.live(room)
    people = list(live.room.participants.values())
    shown, following = paging.page("media", people, lambda each: each.id, limit, cursor)
    return MediaList(items=[media_view(live, each) for each in shown], cursor=following)
