"""Who gets pictures and sound, second by second: nobody may be without for long."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sfu.bench.chaos.guest import Guest, Place

STUCK: Final = 20.0
"""Seconds without picture or sound after which somebody is stuck, whatever has happened."""
LONG: Final = 3.0
"""Seconds in which whoever has lost a connection should have another one."""


@dataclass(slots=True)
class _Seen:
    """What a guest had got, and when there was more of it last."""

    endpoint: int
    packets: list[int]
    at: list[float]
    told: bool = False


class Watch:
    """Compares what each guest has got with what it had a moment ago."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._seen: dict[Guest, _Seen] = {}
        self.longest = 0.0
        """Seconds that anybody was without picture or sound, at most."""
        self.stuck = 0
        """How many were without for too long."""

    def look(self, guests: Iterable[Guest]) -> tuple[float, int]:
        """At everybody who is in now; gives the seconds that anybody has been without, and how
        many have been for more than LONG."""
        now = time.monotonic()
        packets = {id: heard for id, *heard in self._place.endpoints.engine.heard()}
        present = {guest for guest in guests if guest.present}
        self._seen = {guest: self._seen[guest] for guest in self._seen.keys() & present}
        gaps = [self._look(guest, packets, now) for guest in present]
        worst = max(gaps, default=0.0)
        self.longest = max(self.longest, worst)
        return worst, sum(gap > LONG for gap in gaps)

    def _look(self, guest: Guest, packets: dict[int, list[int]], now: float) -> float:
        endpoint = -1 if guest.receiving is None else guest.receiving.endpoint
        seen = self._seen.setdefault(guest, _Seen(endpoint, [0, 0], [now, now]))
        if endpoint != seen.endpoint:
            seen.endpoint, seen.packets = endpoint, [0, 0]
        for kind, count in enumerate(packets.get(endpoint, [0, 0])):
            if count > seen.packets[kind]:
                seen.packets[kind], seen.at[kind] = count, now
        if not guest.hears:
            seen.at[1] = now
        gap = now - min(seen.at)
        if gap < STUCK:
            seen.told = False
        elif not seen.told:
            seen.told = True
            self.stuck += 1
            what = "picture" if seen.at[0] < seen.at[1] else "sound"
            self._place.faults.append(
                f"{time.strftime('%X')} {guest.name}: no {what} for {gap:.0f} s "
                f"({'no connection' if endpoint < 0 else f'endpoint {endpoint}'})"
            )
        return gap
