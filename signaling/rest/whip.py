"""/v1/whip/{room}: publishing by one HTTP exchange (WHIP, RFC 9725).

Whoever has a join token that may publish sends an offer and gets the answer: the first audio
m-line is their microphone, the first video m-line their camera. They are in the room as if they
had come over a socket, and gone when the session is deleted or its media stops.
"""

import re
import secrets
from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from sfu.commands import Leave
from sfu.errors import Refusal
from sfu.events import ConnectionLost, Notice
from sfu.rooms import LiveRoom
from sfu.signaling import messages
from sfu.signaling.admission import Admission
from sfu.signaling.attributes import direction, mid
from sfu.signaling.audience import audience_of
from sfu.signaling.connections import Connections
from sfu.signaling.limits import Addresses
from sfu.signaling.rest.gate import BoundedRequest, Rest
from sfu.signaling.sdp import SdpError, parse
from sfu.signaling.tokens import ROOM_ID
from sfu.track import Source

SDP: Final = "application/sdp"
FRAGMENT: Final = "application/trickle-ice-sdpfrag"

router = APIRouter(prefix="/v1/whip", include_in_schema=False)


class WhipSession:
    """One publisher; nothing of what the room tells its clients is for them (`Client`)."""

    def __init__(self, sessions: "dict[str, WhipSession]", live: LiveRoom, token: str) -> None:
        self.id = secrets.token_urlsafe(24)
        self.etag = f'"{secrets.token_urlsafe(8)}"'
        self.live = live
        self.token = token
        self.participant = ""
        self._sessions = sessions

    def push(self, frame: str) -> None:
        """Nobody reads it."""

    def notice(self, notice: Notice) -> None:
        """Without media there is no session."""
        if isinstance(notice, ConnectionLost) and notice.connection == "publish":
            self.leave("disconnected")

    def admitted(self) -> None:
        """They never wait."""

    def offer_slots(self) -> None:
        """They receive nothing."""

    def removed(self, reason: str) -> None:
        """They are in the room no more, for whatever reason."""
        self._sessions.pop(self.id, None)

    def leave(self, reason: str) -> None:
        """They go."""
        if self.participant in self.live.room.participants:
            self.live.execute(Leave(self.participant, reason), self.participant)


class Whip:
    """What the routes need: who lets in, and who is in."""

    def __init__(self, admission: Admission, addresses: Addresses, rest: Rest) -> None:
        self.admission = admission
        self.addresses = addresses
        self.rest = rest
        self.sessions: dict[str, WhipSession] = {}

    def publish(self, room: str, token: str, sdp: str) -> tuple[WhipSession, str]:
        """A new session and the answer to its offer. Raises Refusal; then nobody has come."""
        clock = self.rest.clock
        admitted = self.admission.admit(messages.Join(id=0, room=room, token=token), clock.wall())
        sources = _sources(sdp)
        live = admitted.live
        session = WhipSession(self.sessions, live, token)
        command = replace(admitted.command, client={"platform": "WHIP"})
        session.participant = live.join(command).id
        try:
            if session.participant in live.room.waiting:
                raise Refusal("waiting", "the room does not let this publisher in now")
            audience_of(live).enter(live.room.participant(session.participant), session)
            connections = Connections(live, session.participant)
            answer = connections.publish(sdp, sources, clock.monotonic())
        except Exception:
            live.execute(Leave(session.participant, "refused"), session.participant)
            raise
        self.sessions[session.id] = session
        return session, answer

    def find(self, room: str, id: str, token: str) -> WhipSession:
        """Raises Refusal unless this is a session of the token's bearer."""
        session = self.sessions.get(id)
        if session is None or session.live.room.id != room:
            raise Refusal("not_found", "there is no such session")
        if not secrets.compare_digest(session.token.encode(), token.encode()):
            raise Refusal("not_allowed", "the session is somebody else's")
        return session


def _whip(request: Request) -> Whip:
    whip: Whip = request.app.state.whip
    if whip.rest.find_journal() is None:
        raise Refusal("overloaded", "the server is not running")
    return whip


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refusal("unauthorized", "a join token is needed: Authorization: Bearer …")
    return token.strip()


Whips = Annotated[Whip, Depends(_whip)]
Bearer = Annotated[str, Depends(_bearer)]


@router.post("/{room}")
async def publish(room: str, request: Request, token: Bearer, whip: Whips) -> Response:
    """An offer in, an answer out."""
    _expect(request, SDP)
    if re.match(ROOM_ID, room) is None:
        raise Refusal("room_not_found", "there is no such room")
    address = request.client.host if request.client else ""
    if wait := whip.addresses.join(address, whip.rest.clock.monotonic()):
        raise Refusal("rate_limited", "too many joins", retry_after=round(wait, 3))
    sdp = await _body(request, whip.rest.settings.limits.sdp_bytes)
    session, answer = whip.publish(room, token, sdp)
    if written := session.live.written:
        await written
    servers = whip.admission.ice_servers(session.live.room.participant(session.participant))
    response = Response(answer, 201, media_type=SDP)
    response.headers["Location"] = f"/v1/whip/{room}/{session.id}"
    response.headers["ETag"] = session.etag
    for server in servers:
        for url in server["urls"]:
            response.headers.append("Link", _link(url, server))
    return response


@router.patch("/{room}/{session}")
async def trickle(
    room: str, session: str, request: Request, token: Bearer, whip: Whips
) -> Response:
    """Candidates of the client's: a lite agent needs none of them."""
    _expect(request, FRAGMENT)
    found = whip.find(room, session, token)
    if request.headers.get("if-match", found.etag) != found.etag:
        raise Refusal("precondition_failed", "ICE restarts are not taken: publish anew")
    await _body(request, whip.rest.settings.limits.sdp_bytes)
    return Response(status_code=204)


@router.delete("/{room}/{session}")
async def end(room: str, session: str, token: Bearer, whip: Whips) -> Response:
    """The end."""
    whip.find(room, session, token).leave("left")
    return Response(status_code=200)


def _expect(request: Request, kind: str) -> None:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != kind:
        raise Refusal("unsupported_media_type", f"the body must be {kind}")


async def _body(request: Request, limit: int) -> str:
    bounded = BoundedRequest(request.scope, request.receive)
    bounded.limit = limit
    try:
        return (await bounded.body()).decode()
    except UnicodeDecodeError:
        raise Refusal("bad_sdp", "the body is no text") from None


def _sources(sdp: str) -> dict[str, Source]:
    """What is published, by mid: the first of each kind that sends."""
    try:
        description = parse(sdp)
    except SdpError as error:
        raise Refusal("bad_sdp", str(error)) from None
    kinds = {"audio": Source.MICROPHONE, "video": Source.CAMERA}
    sources: dict[str, Source] = {}
    for media in description.media:
        name = mid(media)
        sends = direction(description, media) in ("sendonly", "sendrecv")
        if name is not None and sends and media.kind in kinds:
            sources[name] = kinds.pop(media.kind)
    if not sources:
        raise Refusal("not_sending", "the offer sends neither audio nor video")
    return sources


def _link(url: str, server: dict[str, str]) -> str:
    parts = [f'<{url}>; rel="ice-server"']
    if "username" in server:
        parts += [f'username="{server["username"]}"', f'credential="{server["credential"]}"']
        parts.append('credential-type="password"')
    return "; ".join(parts)
