"""One client, from the opening of its socket to its end. No I/O in here.

Frames come in through `receive`; what is to be sent waits in the outbox. Every
frame is answered, whatever it holds. `now` is monotonic, in seconds.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import structlog

from sfu.clock import Clock
from sfu.commands import Leave
from sfu.config import LimitSettings
from sfu.errors import Refusal
from sfu.events import ConnectionLost, Notice
from sfu.live_room import LiveRoom
from sfu.signaling import answers, events, messages, orders, tracing, views
from sfu.signaling.admission import Admission, Admitted
from sfu.signaling.allowance import Allowance
from sfu.signaling.audience import audience_of
from sfu.signaling.closing import CLOSE_CODES, REMOVED
from sfu.signaling.complaints import Complaints
from sfu.signaling.connections import Connections
from sfu.signaling.limits import ClientAddress
from sfu.signaling.newcomers import NO_JOIN
from sfu.signaling.outbox import Close, Outbox
from sfu.signaling.resumption import ResumeToken, digest, make_token
from sfu.signaling.session_state import State

log = structlog.get_logger()


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
        self._clock = clock
        self._address = address
        self._allowance = Allowance(limits, now)
        self._live: LiveRoom | None = None
        self._participant = ""
        self._resume = ResumeToken("", "")
        self._unheard = False
        """Whether it is back after a restart, and may not know that yet."""
        self._connections: Connections | None = None
        self._complaints = Complaints(now)
        self._expired = False
        """Whether the time to join is over."""
        self._answering = False
        self._close: Close | None = None
        """How the socket ends once the request that is being answered has its answer."""

    def receive(self, frame: str | bytes, now: float) -> None:
        """Takes one frame and answers it."""
        if self.outbox.closing:
            return
        self._admission.sessions.confirm(self._resume)
        self._unheard = False
        try:
            if isinstance(frame, bytes):
                raise messages.Unreadable("frames are text")
            request = messages.parse(frame)
        except messages.Unreadable as error:
            self._refuse(error, Refusal("bad_request", error.message, path=error.path))
            if self._allowance.is_abuse(now):
                log.warning("client closed for malformed frames", bounded=True)
                self.outbox.close(Close(1008, "too many malformed frames"))
            return
        self._answering = True
        self._attempt(request, lambda: self._dispatch(request, now))
        self._answering = False
        if self._close is not None:
            self.outbox.close(self._close)

    def join_expired(self) -> None:
        """The time to join is over. Whose password is being checked goes once it was wrong."""
        self._expired = True
        if self.state is State.NEW:
            self.outbox.close(NO_JOIN)

    def closed(self, now: float) -> None:
        """The socket is gone, and so is who was in."""
        self._leave("disconnected", now)

    def dropped(self) -> bool:
        """The socket is gone; says whether the session goes on without one, until `closed` or
        until the client takes it up again."""
        ended = self.outbox.closing and not self.outbox.overflowed
        if goes_on := not ended and self.state in (State.JOINED, State.WAITING):
            self.outbox.leave_off()
        return goes_on

    def is_in(self, tenant: str | None, room: str) -> bool:
        """Whether it is in this room; None is any tenant's."""
        here = self._live.room if self._live is not None else None
        return here is not None and here.id == room and tenant in (None, here.tenant)

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
        if event := views.news(self._live.room, self._participant, notice):
            self._tell(event)
        if not isinstance(notice, ConnectionLost):
            return
        if notice.connection == "receive" and self._connections.may_offer_again(notice.opened):
            self._offer(self._connections.offer(self._clock.monotonic()))

    def admitted(self) -> None:
        """Whoever waited is in the room now."""
        if self.state is not State.WAITING or self._live is None:
            return
        self.outbox.hold(self._live.written)
        self._begin(self._live)
        told = {**self._snapshot(self._live), "events": self.outbox.events + 1}  # with this one
        admitted = events.AdmittedEvent.model_construct(**told)
        self._tell(admitted, again=False)
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
            self._tell(events.EndedEvent())
        elif reason in REMOVED:
            self._tell(events.RemovedEvent(reason=reason))
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
            self._refuse(request, refusal)
        except Exception:
            log.exception("request failed", request=type(request).__name__, bounded=True)
            self._refuse(request, Refusal("internal", "a fault of the server"))

    def _dispatch(self, request: messages.AnyRequest, now: float) -> None:
        self._allowance.take_request(now)
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
                self._complaints.note(self._live, self._participant, frozen + concealed, now)
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
        request: messages.InRoom,
        live: LiveRoom,
        connections: Connections,
        now: float,
    ) -> None:
        match request:
            case messages.Publish():
                self._allowance.check_size(request.sdp)
                sdp = connections.publish(request.sdp, request.sources, now)
                self._send(answers.Answered(id=request.id, sdp=sdp))
            case messages.Answer():
                self._allowance.check_size(request.sdp)
                connections.answer(request.sdp, request.number, now)
                self._ok(request)
                self.offer_slots()
            case messages.RestartIce():
                connections.restart()
                self._ok(request)
                self.offer_slots()
            case _:
                if isinstance(request, messages.AppMessage):
                    self._allowance.take_message(request, audience_of(live).messages, now)
                # Room, worker and audience have followed when this returns: then comes the ok.
                live.execute(orders.command(request, self._participant), self._participant)
                self._ok(request)

    # Coming

    def _join(self, request: messages.Join, now: float) -> None:
        if self.state is not State.NEW:
            raise Refusal("already_joined", "this session has joined already")
        if wait := self._address.join(now):
            raise Refusal("rate_limited", "too many joins", retry_after=round(wait, 3))
        if request.resume is not None and (former := self._admission.find_session(request)):
            self._go_on(request, former)
            return
        admitted = self._admission.admit(request, self._clock.wall())
        if admitted.password is None:
            self._enter(request, admitted)
            return
        if wait := self._address.may_guess(now):
            raise Refusal("rate_limited", "too many wrong passwords", retry_after=round(wait, 3))
        self.state = State.CHECKING
        self._address.joined()
        try:
            self._admission.passwords.check(
                request.password or "",
                admitted.password,
                lambda right: self._checked(request, admitted, right),
            )
        except Refusal:
            self.state = State.NEW
            self._address.not_joined()
            raise

    def _checked(self, request: messages.Join, admitted: Admitted, right: bool) -> None:
        """The password has been checked, perhaps a while after it was given."""
        if self.state is not State.CHECKING or self.outbox.closing:
            return
        self.state = State.NEW
        self._attempt(request, lambda: self._enter_checked(request, admitted, right))
        if self.state is State.NEW:
            self._address.not_joined()
            if self._expired:
                self.outbox.close(NO_JOIN)

    def _enter_checked(self, request: messages.Join, admitted: Admitted, right: bool) -> None:
        if not right:
            self._address.guessed_wrong(self._clock.monotonic())
            raise Refusal("wrong_password", "the room's password is another one")
        self._admission.check_again(admitted)
        self._enter(request, admitted)

    def _enter(self, request: messages.Join, admitted: Admitted) -> None:
        live = admitted.live
        back = admitted.command.returning
        token = make_token(digest(request.resume or "") if back else "")
        participant = live.join(replace(admitted.command, resume=token.digest))
        room = live.room
        self._live, self._participant = live, participant.id
        self._keep(token)
        inside = participant.id in room.participants
        log.info(
            "joined" if inside else "waits", tenant=room.tenant, room=room.id,
            participant=participant.id, role=participant.role.value, bounded=True,
        )  # fmt: skip
        self.outbox.hold(live.written)
        self._unheard = back
        self._admission.joins.came(inside=inside, again=back)
        if inside:
            audience_of(live).enter(participant, self)
            self._begin(live)
            self._send(self._answer_join(request.id, live, resumed=back))
            self._receive_media()
            return
        self.state = State.WAITING
        answer = self._answer_join(request.id, live, resumed=back)
        assert isinstance(answer, answers.Waiting)
        audience_of(live).wait(participant, self, answer.reason, answer.position)
        self._send(answer)

    def _answer_join(
        self, id: int | str, live: LiveRoom, *, resumed: bool, lost: int = 0, ahead: int = 0
    ) -> answers.Joined | answers.Waiting:
        """`lost` events cannot be told any more, `ahead` follow that have been counted before."""
        told = {"id": id, "resumed": resumed, "lost": lost, "events": self.outbox.events - ahead}
        return views.answer_join(live.room, self._participant, self._snapshot(live) | told)

    def _go_on(self, request: messages.Join, former: "Session") -> None:
        """Takes up the session of another socket, with all that it has."""
        live = former._live
        assert live is not None
        self.state, self._live = former.state, live
        self._participant, self._connections = former._participant, former._connections
        self._allowance, self._complaints = former._allowance, former._complaints
        presented = digest(request.resume or "")
        self._unheard = former._unheard and presented == former._resume.former
        past = former.outbox, request.received
        missed, lost = self.outbox.go_on_from(*past, anew=self._unheard)
        former._hand_over()
        audience_of(live).take_over(self._participant, self)
        token = make_token(presented)
        self._keep(token)
        live.renew(self._participant, token.digest)
        self._admission.joins.came(inside=self.state is State.JOINED, again=True)
        self.outbox.hold(live.written)
        self._send(self._answer_join(request.id, live, resumed=True, lost=lost, ahead=len(missed)))
        for frame in missed:
            self.outbox.repeat(frame)
        log.info("resumed", participant=self._participant, missed=len(missed) + lost, bounded=True)
        if self._connections is not None and (offer := self._connections.offer_again()):
            self._offer(offer)

    def _hand_over(self) -> None:
        self._forget_token()
        self.state, self._live, self._connections = State.LEFT, None, None
        self.outbox.close(CLOSE_CODES["resumed"])

    def _keep(self, token: ResumeToken) -> None:
        self._resume = token
        self._admission.sessions.keep(token, self)
        self._address.joined()

    def _forget_token(self) -> None:
        token, self._resume = self._resume, ResumeToken("", "")
        self._admission.sessions.forget(token)

    def _begin(self, live: LiveRoom) -> None:
        self.state = State.JOINED
        self._complaints.begin(self._clock.monotonic())
        self._connections = Connections(live, self._participant)

    def _snapshot(self, live: LiveRoom) -> dict[str, Any]:
        room = live.room
        me = room.participants.get(self._participant) or room.waiting[self._participant]
        people = audience_of(live).people(me) if self.state is State.JOINED else ()
        told = live.speakers.speaker, self._resume.text, self._admission.ice_servers(me)
        return views.snapshot(room, me, people, *told)

    def _receive_media(self) -> None:
        if self._connections is not None:
            self._offer(self._connections.offer(self._clock.monotonic()))

    def _offer(self, offer: events.OfferEvent) -> None:
        # Who takes the session up again gets one that is valid then.
        self._tell(offer, again=False)

    # Going

    def _leave(self, reason: str, now: float) -> None:
        inside = self.state in (State.JOINED, State.WAITING)
        live, me = self._live, self._participant
        self.state = State.LEFT
        self._close_connections(now)
        if inside and live is not None:
            live.execute(Leave(me, reason), me)
            log.info("left", room=live.room.id, participant=me, reason=reason, bounded=True)

    def _close_connections(self, now: float) -> None:
        if self._connections is not None:
            self._connections.close(now)
        self._connections = None
        self._live = None
        self._forget_token()

    def _ok(self, request: messages.Request) -> None:
        self._send(answers.Ok(id=request.id))

    def _refuse(self, asked: messages.Request | messages.Unreadable, refusal: Refusal) -> None:
        if isinstance(asked, messages.Join):
            self._admission.joins.refused[refusal.code] += 1
        error = answers.refused(asked.id, refusal, tracing.current())
        self.outbox.answer(error.model_dump_json(exclude_unset=True))

    def _send(self, answer: messages.Message) -> None:
        self.outbox.answer(answer.model_dump_json())

    def _tell(self, event: messages.Message, *, again: bool = True) -> None:
        self.outbox.push(event.model_dump_json(), again=again)
