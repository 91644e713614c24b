"""One client, from the opening of its socket to its end. No I/O in here.

    NEW --join--> JOINED --leave, removed, socket closed--> LEFT
     |                                                        ^
     +------- socket closed, too much that is malformed ------+

Frames come in through `receive`; what is to be sent waits in the outbox. Every
frame is answered, whatever it holds. `now` is monotonic, in seconds.
"""

import enum
import secrets
from collections.abc import Callable
from typing import Final

import structlog

from sfu.commands import Leave, Look, Mute, Unpublish
from sfu.config import LimitSettings
from sfu.errors import Refusal
from sfu.events import ConnectionLost, Notice
from sfu.participant import SlotView, View
from sfu.rooms import Clock, LiveRoom
from sfu.signaling import answers, events, messages, views
from sfu.signaling.admission import Admission
from sfu.signaling.audience import RoomAudience
from sfu.signaling.connections import Connections
from sfu.signaling.limits import REQUESTS_BURST, REQUESTS_PER_SECOND, TokenBucket, Window
from sfu.signaling.outbox import Close, Outbox

log = structlog.get_logger()

CLOSE_CODES: Final = {
    "left": Close(1000, "left"),
    "removed": Close(4000, "removed"),
    "banned": Close(4001, "banned"),
    "replaced": Close(4002, "replaced"),
    "token_revoked": Close(4003, "token revoked"),
    "ended": Close(4004, "ended"),
    "fault": Close(1012, "fault"),
    "stopped": Close(1001, "the server stops"),
}
"""How a socket ends, by the reason for which its participant is gone."""

REMOVED: Final = frozenset({"removed", "banned", "replaced", "token_revoked"})
"""Reasons that a `removed` event tells before the close."""


class State(enum.Enum):
    """Where a session stands; see the picture above."""

    NEW = "new"
    JOINED = "joined"
    LEFT = "left"


class Session:
    """`admit_join` says how long an address must wait before it may join (0: not at all)."""

    def __init__(
        self,
        admission: Admission,
        limits: LimitSettings,
        clock: Clock,
        outbox: Outbox,
        admit_join: Callable[[float], float],
    ) -> None:
        now = clock.monotonic()
        self.state = State.NEW
        self.outbox = outbox
        self._admission = admission
        self._limits = limits
        self._clock = clock
        self._admit_join = admit_join
        self._malformed = Window(limits.malformed_frames, limits.malformed_window)
        self._requests = TokenBucket(REQUESTS_PER_SECOND, REQUESTS_BURST, now)
        self._live: LiveRoom | None = None
        self._participant = ""
        self._connections: Connections | None = None

    def receive(self, frame: str | bytes, now: float) -> None:
        """Takes one frame and answers it."""
        if self.outbox.closing:
            return
        try:
            if isinstance(frame, bytes):
                raise messages.Unreadable("frames are text")
            request = messages.parse(frame)
        except messages.Unreadable as error:
            self._refuse(error.id, Refusal("bad_request", error.message, path=error.path))
            if self._malformed.add(now):
                log.warning("client closed for malformed frames", bounded=True)
                self.outbox.close(Close(1008, "too many malformed frames"))
            return
        try:
            if wait := self._requests.take(now):
                raise Refusal("rate_limited", "too many requests", retry_after=round(wait, 3))
            self._dispatch(request, now)
        except Refusal as refusal:
            self._refuse(request.id, refusal)
        except Exception:
            log.exception("request failed", request=request.type, bounded=True)
            self._refuse(request.id, Refusal("internal", "a fault of the server"))

    def closed(self, now: float) -> None:
        """The socket is gone."""
        self._leave("disconnected", now)

    def end(self, reason: str) -> None:
        """Closes the socket of somebody who is in no room."""
        self.outbox.close(CLOSE_CODES[reason])

    # What the room has to say

    def push(self, frame: str) -> None:
        """Queues an event."""
        self.outbox.push(frame)

    def notice(self, notice: Notice) -> None:
        """News about the own connections."""
        if not isinstance(notice, ConnectionLost) or self._connections is None:
            return
        self._send(events.ConnectionEvent(connection=notice.connection, reason=notice.reason))
        if notice.connection == "receive" and self._connections.may_offer_again(notice.opened):
            self._offer(self._connections, self._clock.monotonic())

    def removed(self, reason: str) -> None:
        """The participant is no longer in the room."""
        if self.state is not State.JOINED:
            return
        self.state = State.LEFT
        self._close_connections(self._clock.monotonic())
        if reason == "ended":
            self._send(events.EndedEvent())
        elif reason in REMOVED:
            self._send(events.RemovedEvent(reason=reason))
        self.outbox.close(CLOSE_CODES.get(reason, CLOSE_CODES["removed"]))

    # Requests

    def _dispatch(self, request: messages.AnyRequest, now: float) -> None:
        match request:
            case messages.Ping() | messages.Stats():
                self._ok(request)
            case messages.Leave():
                self._ok(request)
                self._leave("left", now)
                self.outbox.close(CLOSE_CODES["left"])
            case messages.Join():
                self._join(request, now)
            case messages.UnsupportedRequest():
                raise Refusal("not_supported", f"{request.type} is not supported by this version")
            case _:
                if self._live is None or self._connections is None:
                    raise Refusal("not_joined", "join a room first")
                self._dispatch_joined(request, self._live, self._connections, now)

    def _dispatch_joined(
        self,
        request: messages.Publish
        | messages.Unpublish
        | messages.Answer
        | messages.Mute
        | messages.View,
        live: LiveRoom,
        connections: Connections,
        now: float,
    ) -> None:
        me = self._participant
        match request:
            case messages.Publish():
                self._check_size(request.sdp)
                sdp = connections.publish(request.sdp, request.sources, now)
                self._send(answers.Answered(id=request.id, sdp=sdp))
            case messages.Answer():
                self._check_size(request.sdp)
                connections.answer(request.sdp, now)
                self._ok(request)
            case messages.Unpublish():
                live.execute(Unpublish(me, request.source), me)
                self._ok(request)
            case messages.Mute():
                target = request.participant or me
                live.execute(Mute(target, request.source, request.muted), me)
                self._ok(request)
            case messages.View():
                live.execute(Look(me, _view(request)), me)
                self._ok(request)

    def _check_size(self, sdp: str) -> None:
        if len(sdp) > self._limits.sdp_bytes:
            raise Refusal("bad_request", "the description is too large", path="sdp")

    def _join(self, request: messages.Join, now: float) -> None:
        if self.state is not State.NEW:
            raise Refusal("already_joined", "this session has joined already")
        if wait := self._admit_join(now):
            raise Refusal("rate_limited", "too many joins", retry_after=round(wait, 3))
        admitted = self._admission.admit(request, self._clock.wall())
        live, command = admitted.live, admitted.command
        participant = live.join(command)
        room = live.room
        audience = live.audience
        assert isinstance(audience, RoomAudience)
        audience.enter(participant, self)
        self.state = State.JOINED
        self._live = live
        self._participant = participant.id
        self._connections = Connections(live, participant.id)
        log.info(
            "joined", tenant=room.tenant, room=room.id, participant=participant.id,
            role=participant.role.value, seat=participant.seat, bounded=True,
        )  # fmt: skip
        self._send(
            answers.Joined.model_construct(
                id=request.id,
                status="admitted",
                participant=views.person(participant),
                room=views.facts(room),
                participants=[views.person(each) for each in audience.people(participant)],
                slots=views.slots(room),
                profiles=views.profiles(room),
                ice_servers=[],
                resume=secrets.token_urlsafe(24),
            )
        )
        self._offer(self._connections, now)

    def _offer(self, connections: Connections, now: float) -> None:
        sdp, slots = connections.offer(now)
        self._send(events.OfferEvent(sdp=sdp, slots=slots))

    def _leave(self, reason: str, now: float) -> None:
        if self.state is State.JOINED and self._live is not None:
            live, me = self._live, self._participant
            self.state = State.LEFT
            self._close_connections(now)
            live.execute(Leave(me, reason), me)
            log.info(
                "left", tenant=live.room.tenant, room=live.room.id, participant=me,
                reason=reason, bounded=True,
            )  # fmt: skip
        self.state = State.LEFT

    def _close_connections(self, now: float) -> None:
        if self._connections is not None:
            self._connections.close(now)
        self._connections = None
        self._live = None

    def _ok(self, request: messages.Request) -> None:
        self._send(answers.Ok(id=request.id))

    def _refuse(self, id: int | str | None, refusal: Refusal) -> None:
        details = {name: value for name, value in refusal.details.items() if value != ""}
        error = answers.Error.model_validate(
            {**details, "type": "error", "id": id, "code": refusal.code, "message": refusal.message}
        )
        self.outbox.push(error.model_dump_json(exclude_unset=True))

    def _send(self, message: messages.Message) -> None:
        self.outbox.push(message.model_dump_json())


def _view(request: messages.View) -> View:
    return View(
        slots={
            slot: "off" if view == "off" else SlotView(view.max_height, view.priority)
            for slot, view in request.slots.items()
        },
        layout=request.layout,
        # null unpins, a field left out changes nothing.
        pin=(request.pin or "") if "pin" in request.model_fields_set else None,
        auto_speaker=request.auto_speaker,
    )
