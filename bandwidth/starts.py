"""What a path is believed to carry before it has said anything.

A probe answers within a round trip or two, but not in a crowd that comes at once, and a camera
that is sent in one layer only would not be seen until then. So there are two reasons to believe
more than goog_cc does: the cheapest picture is shown on faith, since a path that does not carry it
says so within a second; and all pictures are shown, each at its least, where others have been
carried as much: those who came from the same network before, or most of those who are here.
"""

import ipaddress
from collections import OrderedDict
from typing import Final

import numpy as np

from sfu.bandwidth.rows import Floats
from sfu.bandwidth.staircase import Staircase

START: Final = 300_000.0
"""bit/s that any path is believed to carry (goog_cc)."""
FAITH: Final = 2_000_000.0
"""The most that a picture may cost to be shown on faith."""
MARGIN: Final = 1.05
"""Times the cost, at least, that a path must be believed to carry for a picture to be shown."""
REMEMBERED: Final = 0.7
"""Part of what others have been carried that somebody new is believed to be."""
FORGET_AFTER: Final = 600.0
"""Seconds."""
NEWEST: Final = 0.3
"""Weight of the newest word about a network."""
ENOUGH: Final = 8
"""Receivers here, at least, that are worth a conclusion about those to come."""
FEWER: Final = 0.25
"""Part of them that may have been carried less."""
LOOK_EVERY: Final = 1.0


class Starts:
    """Of one worker; `now` in seconds."""

    def __init__(self, most: int) -> None:
        """`most` networks are remembered, the latest ones."""
        self._most = most
        self._networks: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """bit/s and when, oldest first."""
        self._here = 0.0
        self._looked_at = -LOOK_EVERY

    def __len__(self) -> int:
        return len(self._networks)

    def learn(self, address: str | None, bps: float, now: float) -> None:
        """Somebody who received at this address has been carried so much."""
        name = network(address)
        if name is None or not self._most:
            return
        before = self._network(name, now)
        self._networks[name] = before + NEWEST * (bps - before) if before else bps, now
        self._networks.move_to_end(name)
        if len(self._networks) > self._most:
            self._networks.popitem(last=False)

    def wants_news(self, now: float) -> bool:
        """Whether it is time for `look`."""
        return now - self._looked_at >= LOOK_EVERY

    def look(self, estimates: Floats, now: float) -> None:
        """What those are carried who are here, bit/s."""
        self._looked_at = now
        enough = len(estimates) >= ENOUGH
        self._here = float(np.quantile(estimates, FEWER)) if enough else 0.0

    def start(self, staircase: Staircase, address: str | None, now: float) -> float:
        """bit/s for somebody at this address who is to climb this."""
        costs = staircase.cumulative
        cheapest, bases = float(costs[min(1, staircase.top)]), float(costs[staircase.bases])
        faith = cheapest if cheapest <= FAITH else 0.0
        name = network(address)
        known = max(self._here, self._network(name, now) if name is not None else 0.0)
        return max(START, MARGIN * faith, min(REMEMBERED * known, MARGIN * bases))

    def _network(self, name: str, now: float) -> float:
        bps, at = self._networks.get(name, (0.0, now))
        return bps if now - at <= FORGET_AFTER else 0.0


def network(address: str | None) -> str | None:
    """What an address shares with its neighbours, who share its path: /24, or /56 of IPv6.

    `address` is "192.0.2.1:5000" or "[2001:db8::1]:5000"; None for what is none.
    """
    try:
        host = ipaddress.ip_address((address or "").rpartition(":")[0].strip("[]"))
    except ValueError:
        return None
    if isinstance(host, ipaddress.IPv6Address) and host.ipv4_mapped is not None:
        host = host.ipv4_mapped
    length = 24 if host.version == 4 else 56
    return str(ipaddress.ip_network(f"{host}/{length}", strict=False))
