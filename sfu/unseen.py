"""Pictures that somebody should see and does not, whatever the reason: noticed, and mended.

No cause is known to be left; this is for those that are not known. A path that is open and carries
enough, a publisher who sends, and nothing forwarded for SECONDS: that is a fault of ours, in the
log in any case. Where others on the same worker have begun to see the picture meanwhile, it lies
with the connection, and another one is offered in its place; while none have, a publisher who sends
keyframes seldom may be all, up to RARE seconds. Where nobody there sees it, the worker is told of
the track anew. Each time takes twice as long for somebody as the time before.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple

import structlog

from sfu.forwarder import Forwarder
from sfu.receiver import Receiver

SECONDS: Final = 10.0
RARE: Final = 60.0
"""Seconds between two keyframes of a source that makes none when it is asked, at the most."""
MOST: Final = 3
"""Times that anybody is helped: what that does not mend is not to cost the other pictures more."""

log = structlog.get_logger()


Place = tuple[Forwarder, int]
"""A track on a worker."""


class _Wait(NamedTuple):
    since: float
    seen_by: frozenset[Receiver]
    """Who saw the picture then."""


class Unseen:
    """Of one room; `look` is to be called every second or so."""

    def __init__(self, show_again: Callable[[int, Forwarder], None]) -> None:
        """`show_again` tells a worker anew of a track."""
        self._show_again = show_again
        self._waits: dict[Receiver, _Wait] = {}
        self._helped: Counter[str] = Counter()
        """How often each participant was."""
        self._told: dict[Place, float] = {}
        """When workers were told anew of a track."""

    def look(
        self, missing: Mapping[Receiver, int], everybody: Collection[Receiver], now: float
    ) -> None:
        """Who misses a picture now, and of which track."""
        if not missing:
            self._waits.clear()
            return
        places = {each: (each.transport.forwarder, track) for each, track in missing.items()}
        seen = _seen(everybody, set(places.values()))
        self._waits = {
            each: self._waits.get(each) or _Wait(now, seen[place]) for each, place in places.items()
        }
        here = {each.participant for each in everybody}
        self._helped = Counter({id: count for id, count in self._helped.items() if id in here})
        self._told = {place: at for place, at in self._told.items() if now - at < SECONDS}
        for receiver, (since, seen_by) in list(self._waits.items()):
            if now - since < self._patience(receiver):
                continue
            place = places[receiver]
            if seen[place] and seen[place] <= seen_by and now - since < RARE:
                continue
            self._waits[receiver] = _Wait(now, seen[place])
            self._help(receiver, place, bool(seen[place]), now)

    def _help(self, receiver: Receiver, place: Place, seen: bool, now: float) -> None:
        self._helped[receiver.participant] += 1
        log.warning(
            "picture missing", participant=receiver.participant, track=place[1],
            seen_by_others=seen, bounded=True,
        )  # fmt: skip
        if seen and receiver.renewable:
            receiver.transport.close("no picture", now)
        elif not seen and place not in self._told:
            self._told[place] = now
            self._show_again(place[1], place[0])

    def _patience(self, receiver: Receiver) -> float:
        helped = self._helped[receiver.participant]
        return SECONDS * float(2**helped) if helped < MOST else math.inf


def _seen(
    everybody: Collection[Receiver], places: Collection[Place]
) -> dict[Place, frozenset[Receiver]]:
    """Who sees the pictures in question."""
    by_place: dict[Place, set[Receiver]] = {place: set() for place in places}
    for each in everybody:
        for track in each.showing:
            if (place := (each.transport.forwarder, track)) in by_place:
                by_place[place].add(each)
    return {place: frozenset(receivers) for place, receivers in by_place.items()}
