"""Bounds on what one client or one address may ask; time is an argument (seconds, monotonic)."""

import ipaddress
from collections import Counter, deque
from collections.abc import Iterable
from typing import Final

REQUESTS_PER_SECOND: Final = 50.0
REQUESTS_BURST: Final = 200.0
"""Of one socket: far above what a person's client asks, far below what would cost the others."""

ADDRESSES: Final = 65_536
"""Addresses whose rates are remembered; those idle longest are forgotten first."""


MESSAGE_BYTES_PER_SECOND: Final = 256 * 1024
MESSAGE_BYTES_BURST: Final = 1024 * 1024
"""What app messages to groups may be: no crowd of senders fills its readers' queues."""


class TokenBucket:
    """`rate` a second lastingly, `burst` at once."""

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._at = now

    def take(self, now: float, amount: float = 1.0) -> float:
        """Takes so much; 0 if it was there, else the seconds until it will be."""
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left >= amount:
            self._left -= amount
            return 0.0
        return (amount - self._left) / self._rate


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
    """Sockets and joins by client address; loopback and trusted proxies are exempt."""

    def __init__(
        self, *, sockets: int, per_address: int, joins_per_second: int, trusted: Iterable[str]
    ) -> None:
        self._trusted = [ipaddress.ip_network(network) for network in trusted]
        self._open: Counter[str] = Counter()
        self._buckets: dict[str, TokenBucket] = {}
        self.total = 0
        """Sockets that are open."""
        self.configure(sockets=sockets, per_address=per_address, joins_per_second=joins_per_second)

    def configure(self, *, sockets: int, per_address: int, joins_per_second: int) -> None:
        """From now on these limits count; who is in stays in."""
        self._sockets = sockets
        self._per_address = per_address
        self._joins = float(joins_per_second)
        self._buckets.clear()

    def open(self, address: str) -> bool:
        """A socket from this address; says whether it may be. If so, `close` must follow."""
        if self.total >= self._sockets:
            return False
        if not self.exempt(address) and self._open[address] >= self._per_address:
            return False
        self._open[address] += 1
        self.total += 1
        return True

    def close(self, address: str) -> None:
        """The socket is gone."""
        self.total -= 1
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]

    def join(self, address: str, now: float) -> float:
        """A join from this address; 0 if it may be, else the seconds to wait."""
        if self.exempt(address):
            return 0.0
        bucket = self._buckets.pop(address, None) or TokenBucket(self._joins, self._joins, now)
        self._buckets[address] = bucket
        if len(self._buckets) > ADDRESSES:
            del self._buckets[next(iter(self._buckets))]
        return bucket.take(now)

    def exempt(self, address: str) -> bool:
        """Whether limits per address do not apply; an address that cannot be read is not exempt."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        if parsed.version == 6 and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        return parsed.is_loopback or any(parsed in network for network in self._trusted)
