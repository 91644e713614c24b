"""Bounds on what one client or one address may ask; time is an argument (seconds, monotonic)."""

import ipaddress
from collections import Counter, deque
from collections.abc import Iterable
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
        self._joins: dict[str, TokenBucket] = {}
        self._wrong: dict[str, TokenBucket] = {}
        self._preflights: dict[str, TokenBucket] = {}
        self.total = 0
        """Sockets that are open."""
        self.configure(limits)

    def configure(self, limits: LimitSettings) -> None:
        """From now on these limits count; who is in stays in."""
        self._limits = limits
        self._joins.clear()
        self._wrong.clear()
        self._preflights.clear()

    def open(self, address: str) -> bool:
        """A socket from this address; says whether it may be. If so, `close` must follow."""
        if self.total >= self._limits.sockets:
            return False
        key = network(address)
        if not self.exempt(address) and self._open[key] >= self._limits.sockets_per_address:
            return False
        self._open[key] += 1
        self.total += 1
        return True

    def close(self, address: str) -> None:
        """The socket is gone."""
        self.total -= 1
        key = network(address)
        self._open[key] -= 1
        if not self._open[key]:
            del self._open[key]

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


class ClientAddress:
    """Who has opened one socket, for the limits of their address."""

    __slots__ = ("_address", "_addresses")

    def __init__(self, addresses: Addresses, address: str) -> None:
        self._addresses = addresses
        self._address = address

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
