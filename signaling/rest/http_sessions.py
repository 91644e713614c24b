"""People who have come by one HTTP exchange, to publish (WHIP) or to watch (WHEP).

They are in the room as if they had come over a socket, and gone when the session is deleted or its
media stops.
"""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from sfu.commands import Leave
from sfu.errors import Refusal
from sfu.events import ConnectionLost, Notice
from sfu.journal import PATIENCE
from sfu.live_room import LiveRoom
from sfu.participant import Client
from sfu.signaling import messages
from sfu.signaling.admission import Admission
from sfu.signaling.attributes import direction, mid
from sfu.signaling.audience import audience_of
from sfu.signaling.connections import Connections
from sfu.signaling.limits import Addresses
from sfu.signaling.rest.gate import Rest
from sfu.signaling.sdp import Description, SdpError, parse
from sfu.signaling.sdpfrag import Fragment, parse_fragment, write_fragment
from sfu.store import StoreError
from sfu.track import Source

Agree = Callable[[Connections], str]
"""Gives the answer."""
ENDED: Final = 1000
"""Sessions remembered after their end, for those who delete them then."""


class HttpSession:
    """One person; nothing of what the room tells its clients is for them (`Client`)."""

    connections: Connections

    def __init__(self, live: LiveRoom, token: str, ended: "Callable[[HttpSession], None]") -> None:
        self.id = secrets.token_urlsafe(24)
        self.live = live
        self.token = token
        self.participant = ""
        self.etag = _tag()
        """Of the session of ICE: another one after each restart."""
        self.section = ("audio", "0")
        """Kind and mid of the m-line that stands for all in fragments."""
        self._ended = ended

    def restarts(self, fragment: str) -> Fragment | None:
        """What of a fragment restarts ICE, if that is what it does."""
        try:
            read = parse_fragment(fragment)
        except SdpError as error:
            raise Refusal("bad_sdp", str(error)) from None
        known = read.ufrag is None or self.connections.has(read.ufrag, read.pwd)
        return None if known else read

    def restart(self, fragment: Fragment) -> str:
        """The answer to one that restarts ICE."""
        answer = write_fragment(self.connections.restart_by(*fragment), *self.section)
        self.etag = _tag()
        return answer

    def push(self, frame: str) -> None:
        """Nobody reads it."""

    def notice(self, notice: Notice) -> None:
        """Without media there is no session."""
        if isinstance(notice, ConnectionLost):
            self.leave("disconnected")

    def admitted(self) -> None:
        """They never wait."""

    def offer_slots(self) -> None:
        """They receive nothing, or no more than they asked for."""

    def removed(self, reason: str) -> None:
        """They are in the room no more, for whatever reason."""
        self._ended(self)

    def leave(self, reason: str) -> None:
        """They go."""
        if self.participant in self.live.room.participants:
            self.live.execute(Leave(self.participant, reason), self.participant)


async def keep(session: HttpSession) -> None:
    """Returns when it is durable that they have come. Raises StoreError; then they have not."""
    written = session.live.written
    if written is None:
        return
    try:
        # Others wait for the same: a request that is given up must not end it for them.
        await asyncio.wait_for(asyncio.shield(written), PATIENCE)
    except TimeoutError:
        session.leave("refused")
        raise StoreError("the store is busy or away") from None
    except BaseException:
        session.leave("refused")
        raise


def _tag() -> str:
    return f'"{secrets.token_urlsafe(8)}"'


class HttpSessions:
    """What the routes of both protocols need: who lets in, and who is in."""

    def __init__(self, admission: Admission, addresses: Addresses, rest: Rest) -> None:
        self.admission = admission
        self.addresses = addresses
        self.rest = rest
        self._sessions: dict[str, HttpSession] = {}
        self._ended: OrderedDict[str, tuple[str, str]] = OrderedDict()
        """Room and token of the last ones that have ended."""

    def publish(self, room: str, token: str, sdp: str) -> tuple[HttpSession, str]:
        """A new session and the answer to its offer. Raises Refusal; then nobody has come."""
        now = self.rest.clock.monotonic()

        def prepare(description: Description) -> Agree:
            sources = _sources(description)
            return lambda connections: connections.publish(sdp, sources, now)

        return self._enter("WHIP", room, token, sdp, prepare)

    def play(self, room: str, token: str, sdp: str) -> tuple[HttpSession, str]:
        """The same for who watches."""
        now = self.rest.clock.monotonic()
        return self._enter(
            "WHEP", room, token, sdp, lambda _: lambda connections: connections.play(sdp, now)
        )

    def find(self, room: str, id: str, token: str) -> HttpSession:
        """Raises Refusal unless this is a session of the token's bearer."""
        session = self._sessions.get(id)
        if session is None or session.live.room.id != room:
            raise Refusal("not_found", "there is no such session")
        if not secrets.compare_digest(session.token.encode(), token.encode()):
            raise Refusal("not_allowed", "the session is somebody else's")
        return session

    def end(self, room: str, id: str, token: str) -> None:
        """Ends a session, unless it has ended before: most clients close their connection first.
        Raises Refusal as `find` does."""
        if id not in self._sessions and id in self._ended:
            known, owner = self._ended[id]
            if known == room and secrets.compare_digest(owner.encode(), token.encode()):
                return
        self.find(room, id, token).leave("left")

    def _forget(self, session: HttpSession) -> None:
        if self._sessions.pop(session.id, None) is not None:
            self._ended[session.id] = (session.live.room.id, session.token)
            if len(self._ended) > ENDED:
                self._ended.popitem(last=False)

    def ice_servers(self, session: HttpSession) -> list[dict[str, Any]]:
        """With credentials for this person."""
        return self.admission.ice_servers(session.live.room.participant(session.participant))

    def _enter(
        self,
        protocol: str,
        room: str,
        token: str,
        sdp: str,
        prepare: Callable[[Description], Agree],
    ) -> tuple[HttpSession, str]:
        wall = self.rest.clock.wall()
        admitted = self.admission.admit(messages.Join(id=0, room=room, token=token), wall)
        description = _read(sdp)
        # Joining ends what the same identity publishes already, so all that can be refused is
        # before it.
        agree = prepare(description)
        live = admitted.live
        session = HttpSession(live, token, self._forget)
        command = replace(admitted.command, client=Client(platform=protocol))
        session.participant = live.join(command).id
        try:
            if session.participant in live.room.waiting:
                raise Refusal("waiting", "the room does not let you in now")
            audience_of(live).enter(live.room.participant(session.participant), session)
            session.connections = Connections(live, session.participant)
            answer = agree(session.connections)
        except Exception:
            live.execute(Leave(session.participant, "refused"), session.participant)
            raise
        first = description.media[0]
        session.section = (first.kind, mid(first) or "0")
        self._sessions[session.id] = session
        return session, answer


def _read(sdp: str) -> Description:
    try:
        description = parse(sdp)
        for media in description.media:
            mid(media)
    except SdpError as error:
        raise Refusal("bad_sdp", str(error)) from None
    if not description.media:
        raise Refusal("bad_sdp", "the offer has no m-line")
    return description


def _sources(description: Description) -> dict[str, Source]:
    """What is published, by mid: one m-line of each kind at most, or nothing of it."""
    kinds = {"audio": Source.MICROPHONE, "video": Source.CAMERA}
    sources: dict[str, Source] = {}
    for media in description.media:
        name = mid(media)
        if direction(description, media) not in ("sendonly", "sendrecv"):
            continue
        if name is None or media.kind not in kinds:
            raise Refusal("not_acceptable", "one m-line of audio and one of video at most")
        sources[name] = kinds.pop(media.kind)
    if not sources:
        raise Refusal("not_sending", "the offer sends neither audio nor video")
    return sources
