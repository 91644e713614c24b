"""/v1/whip/{room} and /v1/whep/{room}: publishing and watching by one HTTP exchange.

WHIP is RFC 9725, WHEP draft-ietf-wish-whep. They have nearly all in common: an offer in, an answer
out, a session to be deleted, fragments of ICE. What is published by WHIP is somebody's microphone
and camera; what a player gets by WHEP is `sfu.focus`'s.
"""

import re
from collections.abc import Callable
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from sfu.errors import Refusal
from sfu.signaling.rest.gate import BoundedRequest
from sfu.signaling.rest.http_sessions import HttpSession, HttpSessions, keep
from sfu.signaling.rest.problems import problem
from sfu.signaling.tokens import ROOM_ID

SDP: Final = "application/sdp"
FRAGMENT: Final = "application/trickle-ice-sdpfrag"
RETRY_AFTER: Final = 5
"""Seconds after which it is worth asking again whether the room lets in."""

router = APIRouter(prefix="/v1", include_in_schema=False)


def _sessions(request: Request) -> HttpSessions:
    sessions: HttpSessions = request.app.state.http_sessions
    if sessions.rest.find_journal() is None:
        raise Refusal("overloaded", "the server is not running")
    return sessions


def bearer(request: Request) -> str:
    """The token of `Authorization: Bearer …`. Raises Refusal."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refusal("unauthorized", "a join token is needed: Authorization: Bearer …")
    return token.strip()


Sessions = Annotated[HttpSessions, Depends(_sessions)]
Bearer = Annotated[str, Depends(bearer)]


@router.post("/whip/{room}")
async def publish(room: str, request: Request, token: Bearer, sessions: Sessions) -> Response:
    """An offer of what is published in, an answer out."""
    return await _enter("whip", room, request, token, sessions, sessions.publish)


@router.post("/whep/{room}")
async def play(room: str, request: Request, token: Bearer, sessions: Sessions) -> Response:
    """An offer to receive in, an answer out."""
    return await _enter("whep", room, request, token, sessions, sessions.play)


async def _enter(
    protocol: str,
    room: str,
    request: Request,
    token: str,
    sessions: HttpSessions,
    agree: Callable[[str, str, str], tuple[HttpSession, str]],
) -> Response:
    _expect(request, SDP)
    if re.match(ROOM_ID, room) is None:
        raise Refusal("room_not_found", "there is no such room")
    address = request.client.host if request.client else ""
    try:
        with sessions.admission.joins.attempt():
            if wait := sessions.addresses.join(address, sessions.rest.clock.monotonic()):
                raise Refusal("rate_limited", "too many joins", retry_after=round(wait, 3))
            sdp = await _body(request, sessions)
            session, answer = agree(room, token, sdp)
    except Refusal as refusal:
        if refusal.code != "waiting":
            raise
        return problem(refusal.code, refusal.message, {"Retry-After": str(RETRY_AFTER)})
    await keep(session)
    response = Response(answer, 201, media_type=SDP)
    mounted_at = request.scope.get("root_path", "")
    response.headers["Location"] = f"{mounted_at}/v1/{protocol}/{room}/{session.id}"
    response.headers["ETag"] = session.etag
    for server in sessions.ice_servers(session):
        for url in server["urls"]:
            response.headers.append("Link", _link(url, server))
    return response


@router.patch("/whip/{room}/{session}")
async def patch(
    room: str, session: str, request: Request, token: Bearer, sessions: Sessions
) -> Response:
    """Candidates of the client's, of which a lite agent needs none, or a restart of ICE."""
    return await _patch(room, session, request, token, sessions, strict=True)


@router.patch("/whep/{room}/{session}")
async def patch_player(
    room: str, session: str, request: Request, token: Bearer, sessions: Sessions
) -> Response:
    """The same."""
    return await _patch(room, session, request, token, sessions, strict=False)


async def _patch(
    room: str, session: str, request: Request, token: str, sessions: HttpSessions, *, strict: bool
) -> Response:
    _expect(request, FRAGMENT)
    body = await _body(request, sessions)
    # It may have ended while the body was under way.
    found = sessions.find(room, session, token)
    wanted = request.headers.get("if-match")
    fragment = found.restarts(body)
    if wanted is None:
        # The player that most use (whip-whep of npm) forgets it where nothing restarts.
        if fragment is None and not strict:
            return Response(status_code=204)
        raise Refusal("precondition_required", "send If-Match with the ETag, or * to restart ICE")
    if not names(wanted, found.etag):
        raise Refusal("precondition_failed", "ICE has restarted since")
    if fragment is None:
        return Response(status_code=204)
    answer = found.restart(fragment)
    return Response(answer, 200, media_type=FRAGMENT, headers={"ETag": found.etag})


@router.delete("/whip/{room}/{session}")
@router.delete("/whep/{room}/{session}")
async def end(room: str, session: str, token: Bearer, sessions: Sessions) -> Response:
    """The end."""
    sessions.end(room, session, token)
    return Response(status_code=200)


@router.get("/whip/{room}/{session}")
@router.get("/whep/{room}/{session}")
async def session(room: str, session: str, token: Bearer, sessions: Sessions) -> Response:
    """A session has nothing to show (RFC 9725 §4.1)."""
    sessions.find(room, session, token)
    return Response(status_code=204)


@router.get("/whip/{room}")
@router.get("/whep/{room}")
async def endpoint(room: str) -> Response:
    """Nor has an endpoint; and nobody is told which rooms there are."""
    return Response(status_code=204)


@router.options("/whip/{room}")
@router.options("/whep/{room}")
async def options(room: str) -> Response:
    """What an endpoint takes, for who is no page: those are answered by CORS."""
    headers = {"Allow": "GET, OPTIONS, POST", "Accept-Post": SDP}
    return Response(status_code=200, headers=headers)


@router.options("/whip/{room}/{session}")
@router.options("/whep/{room}/{session}")
async def session_options(room: str, session: str) -> Response:
    """What a session takes; nobody is told which there are."""
    headers = {"Allow": "DELETE, GET, OPTIONS, PATCH", "Accept-Patch": FRAGMENT}
    return Response(status_code=200, headers=headers)


def names(condition: str, etag: str) -> bool:
    """Whether an If-Match is of this ETag, or of any (RFC 9110 §13.1.1)."""
    return condition.strip() == "*" or etag in [each.strip() for each in condition.split(",")]


def _expect(request: Request, kind: str) -> None:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != kind:
        raise Refusal("unsupported_media_type", f"the body must be {kind}")


async def _body(request: Request, sessions: HttpSessions) -> str:
    bounded = BoundedRequest(request.scope, request.receive)
    bounded.limit = sessions.rest.settings.limits.sdp_bytes
    try:
        return (await bounded.body()).decode()
    except UnicodeDecodeError:
        raise Refusal("bad_sdp", "the body is no text") from None


def _link(url: str, server: dict[str, str]) -> str:
    parts = [f'<{url}>; rel="ice-server"']
    if "username" in server:
        parts += [f'username="{server["username"]}"', f'credential="{server["credential"]}"']
        parts.append('credential-type="password"')
    return "; ".join(parts)
