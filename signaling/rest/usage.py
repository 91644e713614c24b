"""/v1/usage: who was in which room for how long; what bills are written from."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from sfu.errors import Refusal
from sfu.signaling.rest import paging
from sfu.signaling.rest.gate import Calling, Guarded
from sfu.signaling.rest.problems import responses
from sfu.signaling.rest.views import UsageList, usage_view

router = APIRouter(route_class=Guarded, tags=["usage"])


@router.get("/v1/usage", response_model=UsageList, summary="Usage", responses=responses())
async def usage(
    caller: Calling,
    since: Annotated[
        str | None,
        Query(
            max_length=512,
            description="A time (RFC 3339): records made then or later. Or a page's cursor.",
        ),
    ] = None,
    limit: paging.Limit = 100,
    cursor: paging.Cursor = None,
) -> UsageList:
    """Records in the order they were made. None is lost, and none comes twice: whoever goes on
    with each page's cursor sees every one once."""
    at = 0.0
    if since is not None and since[:1].isdigit():
        at = _time(since)
    elif since is not None and cursor is None:
        cursor = since
    position = None if cursor is None else paging.decode("usage", cursor)
    try:
        page = await caller.journal.store.usage(
            caller.tenant, since=at, cursor=position, limit=limit
        )
    except ValueError:
        raise Refusal("bad_request", "this is no cursor of this list", path="cursor") from None
    following = paging.encode("usage", page.cursor) if page.items and page.cursor else None
    return UsageList(items=[usage_view(record) for record in page.items], cursor=following)


def _time(text: str) -> float:
    try:
        # A "+" that was not escaped in the query comes as a blank.
        at = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        if at.tzinfo is None:
            raise ValueError
        return max(0.0, at.timestamp())
    except (ValueError, OverflowError):
        raise Refusal(
            "bad_request", "neither a time with its offset, nor a cursor", path="since"
        ) from None
