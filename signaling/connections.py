"""The two peer connections of one participant: descriptions in and out, transports for them.

Publishing: the client offers, again on the same connection whenever its set of
tracks changes, or on a new one after the former was lost. Receiving: the server
offers the room's slots once; again on the same connection when slots were added,
and for a new one when that was lost. A connection whose network has changed goes
on over another path after an ICE restart: the client's offer has new credentials
then, or it asks for an offer that has.
"""

import random
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from sfu.config.budgets import upload
from sfu.errors import Refusal
from sfu.live_room import LiveRoom
from sfu.receiver import EgressPlan
from sfu.room import SCREEN
from sfu.signaling import described
from sfu.signaling.events import OfferEvent
from sfu.signaling.known_answers import KnownAnswers
from sfu.signaling.negotiation import (
    LocalTransport,
    NegotiationError,
    PublishAnswer,
    RemoteTransport,
    Slot,
    answer_play,
    answer_publish,
    offer_receive,
)
from sfu.track import Source
from sfu.transport import State, Transport

CNAME: Final = secrets.token_urlsafe(12)
"""Of all that this process sends (RFC 7022 §4.2); the slots' msids tell what belongs together."""

REOFFERS: Final = 5
"""Receiving connections lost one after the other, none of which ever opened, before giving up."""

FIRST_PATH: Final = 5.0
"""Seconds that a receiving connection has to find a path before another one is offered; twice as
many with each one that never opened, up to `path_timeout`."""

_numbers = random.SystemRandom()
_answers = KnownAnswers()
"""Of all rooms: who answers where is no secret among them, and nobody learns of it."""


class Connections:
    """Of one joined participant. Raises Refusal for what cannot be agreed to."""

    def __init__(self, live: LiveRoom, participant: str) -> None:
        self._live = live
        self._participant = participant
        self._version = 0
        self._established: RemoteTransport | None = None
        self._offered: Transport | None = None
        self._slots: list[Slot] = []
        """Of the last offer."""
        self._receiving: RemoteTransport | None = None
        self._restart = False
        """Whether the next offer is to restart ICE."""
        self._number = _numbers.randrange(1 << 31)
        """Of the last offer; not what it was in a process before this one."""
        self._offers = 0
        self._failures = 0

    # Publishing

    def publish(self, sdp: str, sources: Mapping[str, Source], now: float) -> str:
        """Answers a publisher's offer; the room has agreed when this returns."""
        self._live.room.check_publish(self._participant, sources.values())
        uplink = self._live.open_stage().uplinks.get(self._participant)
        if uplink is not None and self._established is not None:
            try:
                return self._publish_over(uplink, sdp, sources, self._established)
            except NegotiationError as error:
                if error.code != "transport_changed":
                    raise _refusal(error) from None
        return self._publish_anew(sdp, sources, now)

    def _publish_anew(self, sdp: str, sources: Mapping[str, Source], now: float) -> str:
        """Over a new transport, in place of a former one."""
        former = self._established
        stage = self._live.open_stage()
        transport = stage.open()
        self._version = 0
        try:
            return self._publish_over(transport, sdp, sources, None, former)
        except NegotiationError as error:
            transport.drop("not agreed", now)
            raise _refusal(error) from None
        except Refusal:
            transport.drop("refused", now)
            raise

    def _publish_over(
        self,
        transport: Transport,
        sdp: str,
        sources: Mapping[str, Source],
        established: RemoteTransport | None,
        former: RemoteTransport | None = None,
    ) -> str:
        answer = self._answer_publish(transport, sdp, sources, established)
        remote = answer.negotiated.remote
        if former is not None and remote.restarts(former):
            raise Refusal("connection_lost", "there is nothing left to restart: connect anew")
        if established is not None and remote != established:
            transport.restart_ice()
            answer = self._answer_publish(transport, sdp, sources, established)
        media = {track.source: described.media(track) for track in answer.tracks}
        self._live.publish(self._participant, media, transport, described.remote(answer.negotiated))
        self._version += 1
        self._established = remote
        return answer.sdp

    def _answer_publish(
        self,
        transport: Transport,
        sdp: str,
        sources: Mapping[str, Source],
        established: RemoteTransport | None,
    ) -> PublishAnswer:
        options = self._live.room.options
        budgets = {Source(name): bps for name, bps in upload(options.video, options.screen).items()}
        return answer_publish(
            sdp,
            sources,
            described.local(transport),
            budgets=budgets,
            version=self._version,
            cname=CNAME,
            established=established,
        )

    # Receiving

    def offer(self, now: float) -> OfferEvent:
        """An offer for a new receiving connection."""
        self.close(now)
        stage = self._live.open_stage()
        transport = stage.offer(self._participant)
        transport.hurry(FIRST_PATH * 2**self._failures)
        self._slots = _slots(self._live.room.slots)
        self._receiving = None
        self._restart = False
        return self._make_offer(transport)

    def play(self, sdp: str, now: float) -> str:
        """Answers the offer of a player, which sees the stage in few m-lines."""
        stage = self._live.open_stage()
        transport = stage.offer(self._participant)
        try:
            answer = answer_play(sdp, described.local(transport), cname=CNAME)
        except NegotiationError as error:
            transport.drop("not agreed", now)
            raise _refusal(error) from None
        self._receiving = answer.negotiated.remote
        stage.play(
            self._participant, transport, described.remote(answer.negotiated), answer.lines, now
        )
        return answer.sdp

    def has(self, ufrag: str, pwd: str) -> bool:
        """Whether these are the client's credentials on its only connection."""
        remote = self._established or self._receiving
        return remote is not None and (ufrag, pwd) == (remote.ufrag, remote.pwd)

    def restart_by(self, ufrag: str | None, pwd: str) -> LocalTransport:
        """The client's only connection has these credentials from now on; ours for it, new ones."""
        stage, former = self._live.stage, self._established or self._receiving
        if stage is None:
            raise Refusal("connection_lost", "there is nothing left to restart")
        uplink = stage.uplinks.get(self._participant)
        transport = uplink or stage.downlink(self._participant)
        if former is None or transport is None or ufrag is None:
            raise Refusal("connection_lost", "there is nothing left to restart")
        if ufrag == former.ufrag or pwd == former.pwd:
            raise Refusal("bad_sdp", "a restart changes both a=ice-ufrag and a=ice-pwd")
        now = replace(former, ufrag=ufrag, pwd=pwd)
        if self._established is not None:
            self._established = now
        else:
            self._receiving = now
        transport.restart_ice()
        return described.local(transport)

    def restart(self) -> None:
        """The next offer for the connection that is there, if it still is, restarts ICE."""
        self._restart = True

    def offer_more(self) -> OfferEvent | None:
        """An offer for the same connection, if the room has slots that the last one lacks, or ICE
        is to be restarted.

        None while an offer waits for its answer: ask again then.
        """
        known = {slot.name for slot in self._slots}
        missing = [name for name in self._live.room.slots if name not in known]
        stage = self._live.stage
        transport = stage.downlink(self._participant) if stage is not None else None
        if not (missing or self._restart) or self._offered is not None or transport is None:
            return None
        if self._restart:
            transport.restart_ice()
            self._restart = False
        # A section never moves: what is new goes to the end (RFC 3264 §8).
        self._slots = [*self._slots, *_slots(missing)]
        return self._make_offer(transport)

    def offer_again(self) -> OfferEvent | None:
        """The last offer once more, if it still waits for its answer."""
        if self._offered is None or self._offered.state is State.CLOSED:
            return None
        return self._describe(self._offered)

    def answer(self, sdp: str, number: int | None, now: float) -> None:
        """The client's answer to the last offer, or to the one of this number."""
        if number not in (None, self._number):
            # What it agrees to is gone: with it the new transport would never find a path.
            raise Refusal("offer_replaced", "the answer is to an earlier offer")
        offered = self._offered
        if offered is None or offered.state is State.CLOSED:
            raise Refusal("no_offer", "no offer waits for an answer")
        try:
            negotiated = _answers.accept(sdp, self._slots, CNAME)
        except NegotiationError as error:
            raise _refusal(error) from None
        remote, former = negotiated.remote, self._receiving
        if former is not None and not (remote.is_same(former) or remote.restarts(former)):
            raise Refusal("transport_changed", "the answer is for another connection")
        self._offered = None
        stage = self._live.open_stage()
        plans = [plan for slot in self._slots for plan in _plans(slot)]
        egresses = [plan for plan in plans if plan.mid in negotiated.mids]
        self._receiving = remote
        if former is not None:
            stage.extend_downlink(self._participant, egresses, now)
            return
        stage.connect_downlink(
            self._participant, offered, described.remote(negotiated), egresses, now
        )

    def may_offer_again(self, opened: bool) -> bool:
        """Whether a lost receiving connection is worth another offer."""
        self._failures = 0 if opened else self._failures + 1
        return self._failures < REOFFERS

    def close(self, now: float) -> None:
        """Gives up an offer that nobody will answer; the rest goes with the participant."""
        offered, self._offered = self._offered, None
        if offered is not None and self._receiving is None:
            offered.forwarder.drop_transport(offered, "offer withdrawn", now)

    def _make_offer(self, transport: Transport) -> OfferEvent:
        self._offered = transport
        self._number += 1
        return self._describe(transport)

    def _describe(self, transport: Transport) -> OfferEvent:
        sdp = offer_receive(self._slots, described.local(transport), CNAME, self._offers)
        self._offers += 1
        mids = {slot.audio_mid: slot.name for slot in self._slots}
        mids |= {slot.video_mid: slot.name for slot in self._slots}
        return OfferEvent(sdp=sdp, slots=mids, number=self._number)


def _slots(names: list[str]) -> list[Slot]:
    ssrcs = iter(_numbers.sample(range(1, 0xFFFF_FFFF), 3 * len(names)))
    slots = []
    for name in names:
        mark = "s" if name == SCREEN else name.removeprefix("seat-")
        slots.append(
            Slot(
                name=name,
                audio_mid=f"a{mark}",
                video_mid=f"v{mark}",
                audio_ssrc=next(ssrcs),
                video_ssrc=next(ssrcs),
                video_rtx_ssrc=next(ssrcs),
            )
        )
    return slots


def _plans(slot: Slot) -> tuple[EgressPlan, EgressPlan]:
    return (
        EgressPlan(slot.name, False, slot.audio_mid, slot.audio_ssrc, 0),
        EgressPlan(slot.name, True, slot.video_mid, slot.video_ssrc, slot.video_rtx_ssrc),
    )


def _refusal(error: NegotiationError) -> Refusal:
    return Refusal(error.code, error.message)
