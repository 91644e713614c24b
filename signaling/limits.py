"""Bounds on what one client or one address may ask; time is an argument (seconds, monotonic)."""

import ipaddress
import math
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from sfu.config import LimitSettings
from sfu.token_bucket import TokenBucket

REQUESTS_PER_SECOND: Final = 50.0
REQUESTS_BURST: Final = 200.0
"""Of one socket: far above what a person's client asks, far below what would cost the others."""

ADDRESSES: Final = 65_536
"""Addresses whose rates are remembered; those idle longest are forgotten first."""


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
    """Sockets, joins and wrong passwords by client address; loopback and trusted proxies are
    exempt. An address of IPv6 stands for its /64: whoever has one has them all."""

    def __init__(self, limits: LimitSettings, trusted: Iterable[str]) -> None:
        self._trusted = [ipaddress.ip_network(network) for network in trusted]
        self._open: Counter[str] = Counter()
        self._connected: Counter[str] = Counter()
        self._opening: dict[str, TokenBucket] = {}
        self._joins: dict[str, TokenBucket] = {}
        self._wrong: dict[str, TokenBucket] = {}
        self._preflights: dict[str, TokenBucket] = {}
        self.total = 0
        """Sockets that are open."""
        self.configure(limits)

    def configure(self, limits: LimitSettings) -> None:
        """From now on these limits count; who is in stays in."""
        self._limits = limits
        self._opening.clear()
        self._joins.clear()
        self._wrong.clear()
        self._preflights.clear()

    def refusal(self, address: str, now: float) -> Refused | None:
        """Why a socket from this address may not be opened now; None if it may."""
        if self.total >= self._limits.sockets:
            return Refused("sockets", 503, CLOSE_SOON)
        if self.exempt(address):
            return None
        key = network(address)
        if self._open[key] >= self._limits.sockets_per_address:
            return Refused("sockets_per_address", 429, CLOSE_SOON)
        if (bucket := self._opening.get(key)) is not None and (wait := bucket.wait(now)):
            return Refused("sockets_per_second_per_address", 429, wait)
        return None

    def open(self, address: str, now: float) -> None:
        """A socket from this address, which `refusal` had nothing against. `close` must follow."""
        key = network(address)
        self._open[key] += 1
        self.total += 1
        if not self.exempt(address):
            rate = float(self._limits.sockets_per_second_per_address)
            burst = max(rate, float(self._limits.sockets_per_address))
            _bucket(self._opening, key, rate, burst, now).take(now)

    def close(self, address: str) -> None:
        """The socket is gone."""
        self.total -= 1
        key = network(address)
        self._open[key] -= 1
        if not self._open[key]:
            del self._open[key]

    def connect(self, address: str) -> bool:
        """A connection that is no socket yet; says whether there may be one more from here. If so
        `disconnect` must follow."""
        key = network(address)
        full = self._connected[key] >= self._limits.connections_per_address
        if full and not self.exempt(address):
            return False
        self._connected[key] += 1
        return True

    def disconnect(self, address: str) -> None:
        """The connection is gone, or has become a socket."""
        key = network(address)
        self._connected[key] -= 1
        if not self._connected[key]:
            del self._connected[key]

    def join(self, address: str, now: float) -> float:
        """A join from this address; 0 if it may be, else the seconds to wait."""
        if self.exempt(address):
            return 0.0
        most = float(self._limits.joins_per_second_per_address)
        return _bucket(self._joins, network(address), most, most, now).take(now)

    def preflight(self, address: str, now: float) -> float:
        """A check before joining from this address; 0 if it may be, else the seconds to wait."""
        if self.exempt(address):
            return 0.0
        most = float(self._limits.preflights_per_minute_per_address)
        return _bucket(self._preflights, network(address), most / 60.0, most, now).take(now)

    def may_guess(self, address: str, now: float) -> float:
        """A password from this address; 0 if it may be checked, else the seconds to wait."""
        if self.exempt(address):
            return 0.0
        bucket = self._wrong.get(network(address))
        return 0.0 if bucket is None else bucket.wait(now)

    def guessed_wrong(self, address: str, now: float) -> None:
        """It was none. Those that were being checked meanwhile count as well: they are owed."""
        if not self.exempt(address):
            most = float(self._limits.wrong_passwords_per_minute_per_address)
            _bucket(self._wrong, network(address), most / 60.0, most, now).owe(now)

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

    __slots__ = ("_address", "_addresses", "joined")

    def __init__(
        self, addresses: Addresses, address: str, joined: Callable[[], None] = nothing
    ) -> None:
        self._addresses = addresses
        self._address = address
        self.joined = joined
        """To be called when somebody is in, or at a door, by this socket."""

    def join(self, now: float) -> float:
        """See `Addresses.join`."""
        return self._addresses.join(self._address, now)

    def may_guess(self, now: float) -> float:
        """See `Addresses.may_guess`."""
        return self._addresses.may_guess(self._address, now)

    def guessed_wrong(self, now: float) -> None:
        """See `Addresses.guessed_wrong`."""
        self._addresses.guessed_wrong(self._address, now)


def network(address: str) -> str:
    """What is counted as one address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _bucket(
    buckets: dict[str, TokenBucket], key: str, rate: float, burst: float, now: float
) -> TokenBucket:
    """The one of an address, put last; those idle longest are forgotten first."""
    bucket = buckets.pop(key, None) or TokenBucket(rate, burst, now)
    buckets[key] = bucket
    if len(buckets) > ADDRESSES:
        del buckets[next(iter(buckets))]
    return bucket
