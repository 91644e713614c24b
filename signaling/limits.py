"""Bounds on what one client or one address may ask; time is an argument (seconds, monotonic)."""

import ipaddress
import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from sfu.config import LimitSettings
from sfu.signaling.networks import Counts, Rates

REQUESTS_PER_SECOND: Final = 50.0
REQUESTS_BURST: Final = 200.0
"""Of one socket: far above what a person's client asks, far below what would cost the others."""

MESSAGE_BYTES_PER_SECOND: Final = 256 * 1024
MESSAGE_BYTES_BURST: Final = 1024 * 1024
"""What app messages to groups may be: no crowd of senders fills its readers' queues."""

CLOSE_SOON: Final = 5.0
"""Seconds after which somebody's socket may have closed, where there are too many."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why no socket may be opened now."""

    limit: str
    """The setting that says so."""
    status: int
    """429 where it is the address's doing, else 503 (RFC 6585 §4, RFC 9110 §15.6.4)."""
    wait: float
    """Seconds after which it is worth another attempt."""

    @property
    def seconds(self) -> int:
        """The same for `Retry-After`, which knows whole ones only (RFC 9110 §10.2.3)."""
        return max(1, math.ceil(self.wait))


class Window:
    """Counts events of the last `seconds`; `full` once there are `limit`."""

    __slots__ = ("_limit", "_seconds", "_times")

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._times: deque[float] = deque(maxlen=limit)

    def add(self, now: float) -> bool:
        """Counts one; says whether the limit is reached."""
        self._times.append(now)
        return len(self._times) == self._limit and now - self._times[0] <= self._seconds


class Addresses:
    """Connections, sockets, joins and wrong passwords by client address, in the sense of
    `sfu.signaling.networks`; loopback and trusted proxies are exempt."""

    def __init__(self, limits: LimitSettings, trusted: Iterable[str]) -> None:
        self._trusted = [ipaddress.ip_network(network) for network in trusted]
        self.connections = Counts()
        """Of HTTP, those that are no sockets."""
        self.connected = 0
        """How many these are."""
        self._sockets = Counts()
        self.total = 0
        """Sockets that are open."""
        self.configure(limits)

    def configure(self, limits: LimitSettings) -> None:
        """From now on these limits count; who is in stays in."""
        self._limits = limits
        rate = float(limits.sockets_per_second_per_address)
        self._opening = Rates(rate, max(rate, float(limits.sockets_per_address)))
        joins = float(limits.joins_per_second_per_address)
        self._joins = Rates(joins, joins)
        wrong = float(limits.wrong_passwords_per_minute_per_address)
        self._wrong = Rates(wrong / 60.0, wrong)
        preflights = float(limits.preflights_per_minute_per_address)
        self._preflights = Rates(preflights / 60.0, preflights)

    def refusal(self, address: str, now: float) -> Refused | None:
        """Why a socket from this address may not be opened now; None if it may."""
        if self.total >= self._limits.sockets:
            return Refused("sockets", 503, CLOSE_SOON)
        if self.exempt(address):
            return None
        if self._sockets.full(address, self._limits.sockets_per_address):
            return Refused("sockets_per_address", 429, CLOSE_SOON)
        if wait := self._opening.wait(address, now):
            return Refused("sockets_per_second_per_address", 429, wait)
        return None

    def open(self, address: str, now: float) -> None:
        """A socket from this address, which `refusal` had nothing against. `close` must follow."""
        self._sockets.add(address)
        self.total += 1
        if not self.exempt(address):
            self._opening.take(address, now)

    def close(self, address: str) -> None:
        """The socket is gone."""
        self.total -= 1
        self._sockets.remove(address)

    @property
    def full(self) -> bool:
        """Whether there are as many connections that are no sockets as there may be."""
        return self.connected >= self._limits.connections

    def connect(self, address: str) -> str | None:
        """A connection that is no socket yet: None if there may be one more from here, and then
        `disconnect` must follow; else the setting that says no."""
        if self.full:
            return "connections"
        full = self.connections.full(address, self._limits.connections_per_address)
        if full and not self.exempt(address):
            return "connections_per_address"
        self.connections.add(address)
        self.connected += 1
        return None

    def disconnect(self, address: str) -> None:
        """The connection is gone, or has become a socket."""
        self.connections.remove(address)
        self.connected -= 1

    def join(self, address: str, now: float) -> float:
        """A join from this address; 0 if it may be, else the seconds to wait."""
        return 0.0 if self.exempt(address) else self._joins.take(address, now)

    def preflight(self, address: str, now: float) -> float:
        """A check before joining from this address; 0 if it may be, else the seconds to wait."""
        return 0.0 if self.exempt(address) else self._preflights.take(address, now)

    def may_guess(self, address: str, now: float) -> float:
        """A password from this address; 0 if it may be checked, else the seconds to wait."""
        return 0.0 if self.exempt(address) else self._wrong.wait(address, now)

    def guessed_wrong(self, address: str, now: float) -> None:
        """It was none. Those that were being checked meanwhile count as well: they are owed."""
        if not self.exempt(address):
            self._wrong.owe(address, now)

    def exempt(self, address: str) -> bool:
        """Whether limits per address do not apply; an address that cannot be read is not exempt."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        if parsed.version == 6 and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        return parsed.is_loopback or any(parsed in network for network in self._trusted)


def nothing() -> None:
    """Nobody wants to know."""


class ClientAddress:
    """Who has opened one socket, for the limits of their address."""

    __slots__ = ("_address", "_addresses", "joined", "not_joined")

    def __init__(
        self,
        addresses: Addresses,
        address: str,
        joined: Callable[[], None] = nothing,
        not_joined: Callable[[], None] = nothing,
    ) -> None:
        self._addresses = addresses
        self._address = address
        self.joined = joined
        """To be called when somebody is in, or at a door, by this socket, or their password is
        being checked."""
        self.not_joined = not_joined
        """To be called when it was the wrong one."""

    def join(self, now: float) -> float:
        """See `Addresses.join`."""
        return self._addresses.join(self._address, now)

    def may_guess(self, now: float) -> float:
        """See `Addresses.may_guess`."""
        return self._addresses.may_guess(self._address, now)

    def guessed_wrong(self, now: float) -> None:
        """See `Addresses.guessed_wrong`."""
        self._addresses.guessed_wrong(self._address, now)
