"""What is counted as one address, and what it is counted in; time is an argument (seconds,
monotonic).

Whoever has one address of IPv6 has a /64 of them, a customer of a provider has a /56 and a company
a /48 (RFC 6177). The wider ones may have more: others may share them.
"""

import ipaddress
from collections import Counter
from typing import Final

from sfu.token_bucket import TokenBucket

WIDTHS: Final = ((64, 1), (56, 4), (48, 16))
"""Bits of networks of IPv6, and how many times as much they may have as one address."""

LONGEST: Final = 64
"""Characters that are kept of what is no address, as a proxy may say it."""

REMEMBERED: Final = 65_536
"""Networks whose rates are remembered; those idle longest are forgotten first."""


def networks(address: str) -> tuple[tuple[str, int], ...]:
    """All that an address counts for, and how many times as much as one address each may have."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ((address[:LONGEST], 1),)
    if parsed.version == 4:
        return ((str(parsed), 1),)
    if parsed.ipv4_mapped is not None:
        return ((str(parsed.ipv4_mapped), 1),)
    number = int(parsed)
    return tuple((f"{number >> 128 - bits:x}/{bits}", times) for bits, times in WIDTHS)


class Counts:
    """What is open now, by network."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def full(self, address: str, most: int) -> bool:
        """Whether there is no place for one more, where one address may have `most`."""
        return any(self._open[key] >= times * most for key, times in networks(address))

    def add(self, address: str) -> None:
        """One more, which has to be removed."""
        for key, _ in networks(address):
            self._open[key] += 1

    def remove(self, address: str) -> None:
        """It is gone."""
        for key, _ in networks(address):
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]


class Rates:
    """What has happened lately, by network; at most REMEMBERED of them."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: dict[str, TokenBucket] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def wait(self, address: str, now: float) -> float:
        """Seconds until one may happen."""
        known = (self._buckets.get(key) for key, _ in networks(address))
        return max((bucket.wait(now) for bucket in known if bucket is not None), default=0.0)

    def take(self, address: str, now: float) -> float:
        """One happens if it may: 0; else nothing is taken, and it gives the seconds to wait."""
        if wait := self.wait(address, now):
            return wait
        self.owe(address, now)
        return 0.0

    def owe(self, address: str, now: float) -> None:
        """One has happened, whether it might or not."""
        for key, times in networks(address):
            self._bucket(key, times, now).owe(now)

    def _bucket(self, key: str, times: int, now: float) -> TokenBucket:
        """That of a network, put last."""
        bucket = self._buckets.pop(key, None)
        if bucket is None:
            bucket = TokenBucket(times * self._rate, times * self._burst, now)
        self._buckets[key] = bucket
        if len(self._buckets) > REMEMBERED:
            del self._buckets[next(iter(self._buckets))]
        return bucket
