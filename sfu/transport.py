"""One path to a peer: ICE, DTLS, SRTP.

    NEW ---set_remote---> CHECKING ---path_up---> SECURING ---handshake done---> OPEN
     |                        |                       |                            |
     +-- close --+            +-- path_timeout --+    +-- failed, timeout --+      +-- path down,
                 v                               v                          v          peer closed
               CLOSED <---------------------------------------------------------------- close

ICE checks, consent and SRTP are the packet plane's; this object says when, and
runs the DTLS handshake. It does no I/O and reads no clock: datagrams go to the
worker as commands, `now` (seconds, monotonic) is an argument, and whoever owns
the transport calls `expire` when `deadline` has come.
"""

import enum
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from sfu.dtls import Certificate, DtlsError, Handshake
from sfu.ice import Credentials, make_credentials

if TYPE_CHECKING:
    from sfu.accounts import Account
    from sfu.bandwidth.stills import Freezes
    from sfu.forwarder import Forwarder

Step = Callable[[Handshake], list[bytes]]

EARLY_DATAGRAMS: Final = 8
"""A peer may begin its handshake before its answer reaches us; that much is kept."""


class State(enum.Enum):
    """Where a transport stands; see the picture above."""

    NEW = "new"
    CHECKING = "checking"
    SECURING = "securing"
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that a transport may spend in a state."""

    path: float
    handshake: float


class Site(Protocol):
    """Who keeps count of what is on which worker."""

    def left(self, transport: "Transport") -> None:
        """It is closed."""


class Transport:
    """Made by `Forwarder.open_transport`; `why` says why it closed."""

    def __init__(
        self,
        forwarder: "Forwarder",
        id: int,
        credentials: Credentials,
        certificate: Certificate,
        *,
        path_timeout: float,
        handshake_timeout: float,
    ) -> None:
        self.id = id
        self.origin = credentials.ufrag
        """What all its descriptions have in common, over restarts of ICE."""
        self.state = State.NEW
        self.remote_address: str | None = None
        self.why = ""
        self.opened = False
        """Whether it has ever been OPEN."""
        self.traffic = (0, 0)
        """Media bytes received and sent, as of the worker's last report."""
        self.site: Site | None = None
        """Where its room has placed it, if it is for receiving."""
        self.account: Account | None = None
        """What its bytes count for, once it takes part."""
        self.watched_until = math.inf
        """The forwarder's: when it will look at the deadline next."""
        self.forwarder = forwarder
        """Of the worker that it is on."""
        self._credentials = credentials
        self._certificate = certificate
        self._path_timeout = path_timeout
        self._handshake_timeout = handshake_timeout
        self._handshake: Handshake | None = None
        self._early: list[bytes] = []
        self._limit: float | None = None
        """When the present state must have ended."""

    @property
    def credentials(self) -> Credentials:
        """Ours."""
        return self._credentials

    def restart_ice(self) -> None:
        """Gives it new credentials, for another path. Those before are good until the peer has
        nominated an address under the new ones (RFC 8445 §9); handshake and keys stay."""
        self._credentials = ours = make_credentials()
        self.forwarder.order(self.forwarder.worker.restart_ice, self.id, ours.ufrag, ours.pwd)

    def deadline(self) -> float | None:
        """When `expire` wants to be called."""
        due = [self._limit]
        if self._handshake is not None and self.state in (State.SECURING, State.OPEN):
            # Also when OPEN: the last flight may be asked for again, then memory is given back.
            due.append(self._handshake.timeout())
        return min((each for each in due if each is not None), default=None)

    def hurry(self, seconds: float) -> None:
        """It is to have a path in so many seconds, or less."""
        self._path_timeout = min(self._path_timeout, seconds)

    def set_remote(self, fingerprints: tuple[str, ...], client: bool, now: float) -> None:
        """The peer's description is known; `client` when our side opens the handshake."""
        if self.state is not State.NEW:
            return
        self._handshake = Handshake(
            self._certificate, client=client, fingerprints=fingerprints, now=now
        )
        self._become(State.CHECKING, now + self._path_timeout)
        if self.remote_address is not None:
            self._secure(now)

    def path_up(self, remote: str, now: float) -> None:
        """A binding check succeeded, for the first time or from a new address."""
        self.remote_address = remote
        if self.state is State.CHECKING:
            self._secure(now)

    def path_down(self, now: float) -> None:
        """Consent has expired (RFC 7675)."""
        self.close("consent expired", now)

    def receive(self, datagram: bytes, now: float) -> None:
        """A DTLS datagram has come over a validated path."""
        if self.state is State.NEW or self.state is State.CHECKING:
            if len(self._early) < EARLY_DATAGRAMS:
                self._early.append(datagram)
        elif self._handshake is not None and self.state is not State.CLOSED:
            self._step(lambda handshake: handshake.receive(datagram, now), now)

    def expire(self, now: float) -> None:
        """Retransmits, or gives up, if it is time."""
        if self.state is State.CLOSED:
            return
        if self._limit is not None and now >= self._limit:
            waited = "handshake" if self.state is State.SECURING else "binding check"
            self.close(f"no {waited} in time", now)
        elif self._handshake is not None and self.state in (State.SECURING, State.OPEN):
            due = self._handshake.timeout()
            if due is not None and now >= due:
                self._step(lambda handshake: handshake.expire(now), now)

    def close(self, why: str, now: float) -> None:
        """Ends the transport on both planes; idempotent."""
        if self.state is State.CLOSED:
            return
        if self._handshake is not None and self.state is State.OPEN:
            self._send(self._handshake.close())
        self.why = why
        self._handshake = None
        self._early.clear()
        self._become(State.CLOSED, None)
        self.forwarder.transport_closed(self, now)

    def drop(self, why: str, now: float) -> None:
        """Closes it without a word to its owner, who asks for it."""
        self.forwarder.drop_transport(self, why, now)

    def take_score(self) -> tuple[float, float]:
        """(sum of scores, seconds) of what it was sent, since the last call."""
        return self.forwarder.subscribers.take_score(self.id)

    @property
    def freezes(self) -> "Freezes":
        """How the pictures that it was sent have stood still; nothing once it is closed."""
        return self.forwarder.subscribers.freezes(self.id)

    def counted(self, received: int, sent: int) -> None:
        """It is gone from the worker: these are its totals for good."""
        self.traffic = (received, sent)
        if self.account is not None:
            self.account.settle(self)

    def _secure(self, now: float) -> None:
        self._become(State.SECURING, now + self._handshake_timeout)
        self._step(lambda handshake: handshake.start(now), now)
        early, self._early = self._early, []
        for datagram in early:
            self.receive(datagram, now)

    def _step(self, step: Step, now: float) -> None:
        handshake = self._handshake
        assert handshake is not None
        try:
            flight = step(handshake)
        except DtlsError as error:
            self._send(handshake.pending())
            self.close(f"handshake failed: {error}", now)
            return
        if self.state is State.SECURING and (keys := handshake.keys) is not None:
            handshake.keys = None
            self.opened = True
            self._become(State.OPEN, None)
            # Before the last flight: the peer answers it with media at once.
            self.forwarder.set_keys(self, keys, now)
        self._send(flight)
        if handshake.peer_closed:
            self.close("the peer has closed", now)

    def _send(self, datagrams: list[bytes]) -> None:
        if datagrams:
            self.forwarder.send_handshake(self, datagrams)

    def _become(self, state: State, limit: float | None) -> None:
        self.forwarder.transport_moved(self.state, state)
        self.state = state
        self._limit = limit
        self.forwarder.watch(self)
