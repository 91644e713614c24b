"""One client, from the opening of its socket to its end. No I/O in here.

            +--> CHECKING --wrong password--> NEW
            |        |
    NEW --join-------+-----------------> JOINED --leave, removed, socket closed--> LEFT
     |               |                     ^                                        ^ ^
     |               +-----> WAITING --admitted      WAITING --leave, turned away --+ |
     +------------ socket closed, too much that is malformed ------------------------+

Frames come in through `receive`; what is to be sent waits in the outbox. Every
frame is answered, whatever it holds. `now` is monotonic, in seconds.
"""

import enum
import secrets
from collections.abc import Callable
from typing import Any

import structlog
from pydantic_core import to_json

from sfu.clock import Clock
from sfu.commands import Leave
from sfu.config import LimitSettings
from sfu.errors import Refusal
from sfu.events import CongestionChanged, ConnectionLost, LayersWanted, Notice
from sfu.room.people import GROUPS
from sfu.rooms import LiveRoom
from sfu.signaling import answers, events, messages, orders, tracing, views
from sfu.signaling.admission import Admission, Admitted
from sfu.signaling.audience import RoomAudience
from sfu.signaling.closing import CLOSE_CODES, REMOVED
from sfu.signaling.connections import Connections
from sfu.signaling.limits import (
    REQUESTS_BURST,
    REQUESTS_PER_SECOND,
    ClientAddress,
    TokenBucket,
    Window,
)
from sfu.signaling.outbox import Close, Outbox

log = structlog.get_logger()


class State(enum.Enum):
    """Where a session stands; see the picture above."""

    NEW = "new"
    CHECKING = "checking"
    WAITING = "waiting"
    JOINED = "joined"
    LEFT = "left"


class Session:
    """`address` says how long it must wait before it may join, or try a password."""

    def __init__(
        self,
        admission: Admission,
        limits: LimitSettings,
        clock: Clock,
        outbox: Outbox,
        address: ClientAddress,
    ) -> None:
        now = clock.monotonic()
        self.state = State.NEW
        self.outbox = outbox
        self._admission = admission
        self._limits = limits
        self._clock = clock
        self._address = address
        self._malformed = Window(limits.malformed_frames, limits.malformed_window)
        self._requests = TokenBucket(REQUESTS_PER_SECOND, REQUESTS_BURST, now)
        self._messages = TokenBucket(limits.messages_per_second, limits.messages_burst, now)
        self._live: LiveRoom | None = None
        self._participant = ""
        self._resume = ""
        self._connections: Connections | None = None
        self._noted_at = now
        """When the client told last how it is, or came in."""
        self._answering = False
        self._close: Close | None = None
        """How the socket ends once the request that is being answered has its answer."""

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
        self._answering = True
        self._attempt(request, lambda: self._dispatch(request, now))
        self._answering = False
        if self._close is not None:
            self.outbox.close(self._close)

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
        """News about the own connections and sources."""
        if self._connections is None or self._live is None:
            return
        if isinstance(notice, LayersWanted):
            me = self._live.room.participants.get(self._participant)
            if me is not None and (layers := views.layers(me, notice)):
                self._send(events.LayersEvent(layers={notice.source.value: layers}))
            return
        if isinstance(notice, CongestionChanged):
            event = events.CongestionEvent(available=notice.available, wanted=notice.wanted)
            self._send(event)
            return
        if not isinstance(notice, ConnectionLost):
            return
        self._send(events.ConnectionEvent(connection=notice.connection, reason=notice.reason))
        if notice.connection == "receive" and self._connections.may_offer_again(notice.opened):
            self._offer(self._connections.offer(self._clock.monotonic()))

    def admitted(self) -> None:
        """Whoever waited is in the room now."""
        if self.state is not State.WAITING or self._live is None:
            return
        self.outbox.hold(self._live.written)
        self._begin(self._live)
        self._send(events.AdmittedEvent.model_construct(**self._snapshot(self._live)))
        self._receive_media()

    def offer_slots(self) -> None:
        """The room has more slots than before."""
        if self._connections is not None and (more := self._connections.offer_more()):
            self._offer(more)

    def removed(self, reason: str) -> None:
        """The participant is no longer in the room, nor at its door."""
        if self.state not in (State.JOINED, State.WAITING):
            return
        self.state = State.LEFT
        self._close_connections(self._clock.monotonic())
        if reason == "ended":
            self._send(events.EndedEvent())
        elif reason in REMOVED:
            self._send(events.RemovedEvent(reason=reason))
        close = CLOSE_CODES.get(reason, CLOSE_CODES["removed"])
        if self._answering:
            self._close = close
        else:
            self.outbox.close(close)

    # Requests

    def _attempt(self, request: messages.Request, act: Callable[[], None]) -> None:
        """Does what was asked; what is refused, and a fault of ours, become the answer."""
        try:
            act()
        except Refusal as refusal:
            self._refuse(request.id, refusal)
        except Exception:
            log.exception("request failed", request=type(request).__name__, bounded=True)
            self._refuse(request.id, Refusal("internal", "a fault of the server"))

    def _dispatch(self, request: messages.AnyRequest, now: float) -> None:
        if wait := self._requests.take(now):
            raise Refusal("rate_limited", "too many requests", retry_after=round(wait, 3))
        match request:
            case messages.Ping():
                self._ok(request)
            case messages.Leave():
                self._close = CLOSE_CODES["left"]
                self._leave("left", now)
                self._ok(request)
            case _ if self.state is State.WAITING:
                raise Refusal("waiting", "the room has not let you in yet")
            case messages.Stats(frozen=frozen, concealed=concealed):
                self._note(frozen + concealed, now)
                self._ok(request)
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
        request: messages.Publish | messages.Answer | messages.Order,
        live: LiveRoom,
        connections: Connections,
        now: float,
    ) -> None:
        match request:
            case messages.Publish():
                self._check_size(request.sdp)
                sdp = connections.publish(request.sdp, request.sources, now)
                self._send(answers.Answered(id=request.id, sdp=sdp))
            case messages.Answer():
                self._check_size(request.sdp)
                connections.answer(request.sdp, now)
                self._ok(request)
                self.offer_slots()
            case _:
                if isinstance(request, messages.AppMessage):
                    self._check_message(request, _audience(live), now)
                # Room, worker and audience have followed when this returns: then comes the ok.
                live.execute(orders.command(request, self._participant), self._participant)
                self._ok(request)

    def _note(self, spoilt: float, now: float) -> None:
        """So many seconds were no good, says the client: of those that have passed, at most."""
        if self._live is not None:
            if account := self._live.accounts.get(self._participant):
                account.spoil(min(spoilt, now - self._noted_at))
            self._noted_at = now

    def _check_size(self, sdp: str) -> None:
        if len(sdp) > self._limits.sdp_bytes:
            raise Refusal("bad_request", "the description is too large", path="sdp")

    def _check_message(
        self, message: messages.AppMessage, audience: RoomAudience, now: float
    ) -> None:
        size = len(to_json(message.body))
        if size > self._limits.message_bytes:
            most = self._limits.message_bytes
            raise Refusal("too_large", f"a body has at most {most} bytes", path="body")
        if wait := self._messages.take(now):
            raise Refusal("rate_limited", "too many messages", retry_after=round(wait, 3))
        if message.to in GROUPS and (wait := audience.messages.take(now, float(size))):
            raise Refusal("rate_limited", "the room is busy", retry_after=round(wait, 3))

    # Coming

    def _join(self, request: messages.Join, now: float) -> None:
        if self.state is not State.NEW:
            raise Refusal("already_joined", "this session has joined already")
        if wait := self._address.join(now):
            raise Refusal("rate_limited", "too many joins", retry_after=round(wait, 3))
        admitted = self._admission.admit(request, self._clock.wall())
        if admitted.password is None:
            self._enter(request, admitted)
            return
        if wait := self._address.may_guess(now):
            raise Refusal("rate_limited", "too many wrong passwords", retry_after=round(wait, 3))
        self.state = State.CHECKING
        try:
            self._admission.passwords.check(
                request.password or "",
                admitted.password,
                lambda right: self._checked(request, admitted, right),
            )
        except Refusal:
            self.state = State.NEW
            raise

    def _checked(self, request: messages.Join, admitted: Admitted, right: bool) -> None:
        """The password has been checked, perhaps a while after it was given."""
        if self.state is not State.CHECKING or self.outbox.closing:
            return
        self.state = State.NEW
        self._attempt(request, lambda: self._enter_checked(request, admitted, right))

    def _enter_checked(self, request: messages.Join, admitted: Admitted, right: bool) -> None:
        if not right:
            self._address.guessed_wrong(self._clock.monotonic())
            raise Refusal("wrong_password", "the room's password is another one")
        self._admission.check_again(admitted)
        self._enter(request, admitted)

    def _enter(self, request: messages.Join, admitted: Admitted) -> None:
        live = admitted.live
        participant = live.join(admitted.command)
        room = live.room
        self._live, self._participant = live, participant.id
        self._resume = secrets.token_urlsafe(24)
        inside = participant.id in room.participants
        log.info(
            "joined" if inside else "waits", tenant=room.tenant, room=room.id,
            participant=participant.id, role=participant.role.value, seat=participant.seat,
            bounded=True,
        )  # fmt: skip
        self.outbox.hold(live.written)
        if inside:
            _audience(live).enter(participant, self)
            self._begin(live)
            self._send(answers.Joined.model_construct(id=request.id, **self._snapshot(live)))
            self._receive_media()
            return
        self.state = State.WAITING
        reason, position = views.reason(room, participant), len(room.waiting)
        _audience(live).wait(participant, self, reason, position)
        self._send(
            answers.Waiting.model_construct(
                id=request.id, reason=reason, position=position, **self._snapshot(live)
            )
        )

    def _begin(self, live: LiveRoom) -> None:
        self.state = State.JOINED
        self._noted_at = self._clock.monotonic()
        self._connections = Connections(live, self._participant)

    def _snapshot(self, live: LiveRoom) -> dict[str, Any]:
        room = live.room
        me = room.participants.get(self._participant) or room.waiting[self._participant]
        people = _audience(live).people(me) if self.state is State.JOINED else ()
        return views.snapshot(room, me, people, live.speakers.speaker, self._resume)

    def _receive_media(self) -> None:
        if self._connections is not None:
            self._offer(self._connections.offer(self._clock.monotonic()))

    def _offer(self, offer: tuple[str, dict[str, str]]) -> None:
        sdp, slots = offer
        self._send(events.OfferEvent(sdp=sdp, slots=slots))

    # Going

    def _leave(self, reason: str, now: float) -> None:
        inside = self.state in (State.JOINED, State.WAITING)
        live, me = self._live, self._participant
        self.state = State.LEFT
        self._close_connections(now)
        if inside and live is not None:
            live.execute(Leave(me, reason), me)
            log.info(
                "left", tenant=live.room.tenant, room=live.room.id, participant=me,
                reason=reason, bounded=True,
            )  # fmt: skip

    def _close_connections(self, now: float) -> None:
        if self._connections is not None:
            self._connections.close(now)
        self._connections = None
        self._live = None

    def _ok(self, request: messages.Request) -> None:
        self._send(answers.Ok(id=request.id))

    def _refuse(self, id: int | str | None, refusal: Refusal) -> None:
        details = {name: value for name, value in refusal.details.items() if value != ""}
        if (trace := tracing.current()) is not None:
            details["trace"] = trace
        error = answers.Error.model_validate(
            {**details, "type": "error", "id": id, "code": refusal.code, "message": refusal.message}
        )
        self.outbox.push(error.model_dump_json(exclude_unset=True))

    def _send(self, message: messages.Message) -> None:
        self.outbox.push(message.model_dump_json())


def _audience(live: LiveRoom) -> RoomAudience:
    assert isinstance(live.audience, RoomAudience)
    return live.audience
