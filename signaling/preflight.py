"""Checks before joining: short sessions that send a client's media back to it.

Each is bounded in time and rate, all together in number (`[limits] preflight_…`); nothing of them
is kept, billed or told to backends. Nothing is sent to anybody who has not shown by ICE and DTLS
that they want it, as everywhere else.
"""

import re
import secrets
from collections import Counter
from typing import Any, Final

from sfu.config import Settings
from sfu.errors import Refusal
from sfu.loopback import SLOT, Line, Loopback
from sfu.signaling import attributes, described
from sfu.signaling.admission import Admission
from sfu.signaling.ice_servers import servers_for
from sfu.signaling.limits import Addresses
from sfu.signaling.negotiation import (
    NegotiationError,
    Slot,
    accept_answer,
    answer_publish,
    offer_receive,
)
from sfu.signaling.networks import networks
from sfu.signaling.rest.gate import Rest
from sfu.signaling.sdp import SdpError, parse
from sfu.signaling.tokens import TokenError, verify
from sfu.track import Source
from sfu.transport import State

CNAME: Final = secrets.token_urlsafe(12)
TOO_MUCH: Final = 2.0
"""Times `preflight_bitrate`: a client that keeps to what it is told (REMB) stays well below."""
_KINDS: Final = {"audio": Source.MICROPHONE, "video": Source.CAMERA}


class Probe:
    """One session: what a client sends comes back to it."""

    def __init__(self, loopback: Loopback, holders: tuple[str, ...], ends_at: float) -> None:
        self.id = secrets.token_urlsafe(24)
        self.holders = holders
        """Whose number of sessions it counts into: their network, and the person if known."""
        self.ends_at = ends_at
        """Monotonic seconds."""
        self.loopback = loopback
        self._offered = loopback.open()
        self._answered = False
        first, second, third = secrets.SystemRandom().sample(range(1, 0xFFFF_FFFF), 3)
        self._slot = Slot(SLOT, "a0", "v0", first, second, third)

    @property
    def offer(self) -> str:
        """Of what is sent back."""
        return offer_receive([self._slot], described.local(self._offered), CNAME)

    def publish(self, sdp: str, now: float) -> str:
        """Takes what the client sends, and gives the answer. Raises Refusal."""
        transport = self.loopback.open()
        budgets = dict.fromkeys(_KINDS.values(), self.loopback.ceiling)
        try:
            answer = answer_publish(
                sdp, _sources(sdp), described.local(transport), budgets=budgets, cname=CNAME
            )
        except Exception as error:
            # Whatever it was: nobody else knows of the transport.
            self.loopback.forwarder.drop_transport(transport, "not agreed", now)
            if isinstance(error, NegotiationError):
                raise Refusal(error.code, error.message) from None
            raise
        tracks = [(track.source.is_video, described.media(track)) for track in answer.tracks]
        remote = described.remote(answer.negotiated)
        self.loopback.receive_from(transport, remote, tracks, now)
        return answer.sdp

    def answer(self, sdp: str, now: float) -> None:
        """The client's answer to `offer`. Raises Refusal."""
        if self._answered or self._offered.state is State.CLOSED:
            raise Refusal("no_offer", "no offer waits for an answer")
        try:
            negotiated = accept_answer(sdp, [self._slot], CNAME)
        except NegotiationError as error:
            raise Refusal(error.code, error.message) from None
        self._answered = True
        slot = self._slot
        lines = (
            Line(slot.audio_mid, slot.audio_ssrc, 0, False),
            Line(slot.video_mid, slot.video_ssrc, slot.video_rtx_ssrc, True),
        )
        wanted = [line for line in lines if line.mid in negotiated.mids]
        self.loopback.send_to(self._offered, described.remote(negotiated), wanted, now)

    def facts(self) -> dict[str, Any]:
        """What the server sees of it: rates in bit/s, times in seconds, loss from 0 to 1."""
        path = self.loopback.path
        down = None
        if path is not None:
            down = {
                "available": round(path.estimate),
                "arriving": round(path.arriving),
                "round_trip": path.round_trip_us / 1e6,
                "loss": path.loss,
            }
        return {"up": {"arriving": self.loopback.arriving}, "down": down}

    def close(self, now: float) -> None:
        """It is over."""
        if not self._answered:
            self.loopback.forwarder.drop_transport(self._offered, "preflight over", now)
        self.loopback.close(now)


class Preflight:
    """All of a process."""

    def __init__(
        self, rest: Rest, admission: Admission, addresses: Addresses, *, dev: bool
    ) -> None:
        self.probes: dict[str, Probe] = {}
        self._rest = rest
        self._admission = admission
        self._addresses = addresses
        self._dev = dev
        self._open: Counter[str] = Counter()

    @property
    def settings(self) -> Settings:
        """Those that count now."""
        return self._rest.settings

    @property
    def now(self) -> float:
        """Monotonic seconds."""
        return self._rest.clock.monotonic()

    def admit(self, address: str, token: str | None) -> str | None:
        """Whether somebody may begin a session now, and who it is if they must say so. Raises
        Refusal."""
        person = self._person(token, self._rest.clock.wall())
        if wait := self._addresses.preflight(address, self.now):
            raise Refusal("rate_limited", "too many checks", retry_after=round(wait, 3))
        return person

    def begin(self, address: str, person: str | None) -> Probe:
        """A new session for a client at this address, who was admitted. Raises Refusal."""
        limits = self.settings.limits
        bounds: dict[str, int] = {}
        if not self._addresses.exempt(address):
            most = limits.preflight_sessions_per_address
            bounds |= {key: times * most for key, times in networks(address)}
        if person is not None:
            bounds[person] = limits.preflight_sessions_per_person
        if len(self.probes) >= limits.preflight_sessions or any(
            self._open[holder] >= most for holder, most in bounds.items()
        ):
            raise Refusal("overloaded", "as many checks are running as may: try again soon")
        loopback = Loopback(self._rest.rooms.least_loaded(), limits.preflight_bitrate)
        probe = Probe(loopback, tuple(bounds), self.now + limits.preflight_timeout)
        self.probes[probe.id] = probe
        self._open.update(probe.holders)
        return probe

    def ice_servers(self, probe: Probe) -> list[dict[str, Any]]:
        """STUN and TURN servers, with credentials of its own."""
        name = re.sub(r"\W", "", probe.id)[:16]
        now, ttl = self._rest.clock.wall(), self.settings.limits.preflight_timeout
        return servers_for(self.settings.turn, f"preflight-{name}", now, ttl)

    def find(self, id: str) -> Probe:
        """Raises Refusal when there is none, or none any more."""
        probe = self.probes.get(id)
        if probe is None:
            raise Refusal("not_found", "there is no such check, or it is over")
        return probe

    def end(self, probe: Probe) -> None:
        """Ends one; idempotent."""
        if self.probes.pop(probe.id, None) is not None:
            self._open.subtract(probe.holders)
            for holder in probe.holders:
                if not self._open[holder]:
                    del self._open[holder]
            probe.close(self.now)

    def tick(self, now: float) -> None:
        """Ends those whose time is up, whose client sends far more than it may, or whose worker
        has ended."""
        for probe in list(self.probes.values()):
            loopback = probe.loopback
            floods = loopback.arriving > TOO_MUCH * loopback.ceiling
            if now >= probe.ends_at or floods or loopback.forwarder.fault is not None:
                self.end(probe)

    def _person(self, token: str | None, now: float) -> str | None:
        if self._admission.draining:
            raise Refusal("draining", "the server is about to stop")
        access = self.settings.server.preflight
        if access == "off" and not self._dev:
            raise Refusal("not_found", "this server offers no checks")
        if access == "open" or self._dev:
            return None
        if token is None:
            raise Refusal("unauthorized", "a join token is needed: Authorization: Bearer …")
        keys = {name: tenant.secret for name, tenant in self.settings.tenants.items()}
        try:
            claims = verify(token, keys, now=now)
        except TokenError as error:
            raise Refusal(error.code, error.message) from None
        if (claims.tenant, claims.jti) in self._rest.rooms.revoked:
            raise Refusal("token_revoked", "the token was revoked")
        # No network is written with a space.
        return f"{claims.tenant} {claims.identity}"


def _sources(sdp: str) -> dict[str, Source]:
    """What is sent back, by mid: the first m-line of each kind that sends. Raises Refusal."""
    try:
        description = parse(sdp)
        sending = [
            (attributes.mid(media), media.kind)
            for media in description.media
            if attributes.direction(description, media) in ("sendonly", "sendrecv")
        ]
    except SdpError as error:
        raise Refusal("bad_sdp", str(error)) from None
    kinds = dict(_KINDS)
    found: dict[str, Source] = {}
    for mid, kind in sending:
        if mid is not None and kind in kinds:
            found[mid] = kinds.pop(kind)
    if not found:
        raise Refusal("not_sending", "the offer sends neither audio nor video")
    return found
