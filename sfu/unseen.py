"""Pictures that somebody should see and does not, whatever the reason: noticed, and mended.

No cause is known to be left; this is for those that are not known. A path that is open and carries
enough, a publisher who sends, and nothing forwarded for SECONDS: that is a fault of ours, in the
log in any case. Where others on the same worker see the picture, it lies with the connection, and
another one is offered in its place. Where nobody there does, the worker is told of the track anew.
Each time takes twice as long for somebody as the time before.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Final

import structlog

from sfu.forwarder import Forwarder
from sfu.receiver import Receiver

SECONDS: Final = 10.0
MOST: Final = 3
"""Times that anybody is helped: what that does not mend is not to cost the other pictures more."""

log = structlog.get_logger()


class Unseen:
    """Of one room; `look` is to be called every second or so."""

    def __init__(self, show_again: Callable[[int, Forwarder], None]) -> None:
        """`show_again` tells a worker anew of a track."""
        self._show_again = show_again
        self._since: dict[Receiver, float] = {}
        self._helped: Counter[str] = Counter()
        """How often each participant was."""
        self._told: dict[tuple[Forwarder, int], float] = {}
        """When workers were told anew of a track."""

    def look(
        self, missing: Mapping[Receiver, int], everybody: Collection[Receiver], now: float
    ) -> None:
        """Who misses a picture now, and of which track."""
        self._since = {each: self._since.get(each, now) for each in missing}
        due = [each for each, since in self._since.items() if now - since >= self._patience(each)]
        if not due:
            return
        here = {each.participant for each in everybody}
        self._helped = Counter({id: count for id, count in self._helped.items() if id in here})
        seen = {(each.transport.forwarder, track) for each in everybody for track in each.showing}
        self._told = {place: at for place, at in self._told.items() if now - at < SECONDS}
        for receiver in due:
            self._helped[receiver.participant] += 1
            self._since[receiver] = now
            place = receiver.transport.forwarder, missing[receiver]
            log.warning(
                "picture missing", participant=receiver.participant, track=place[1],
                seen_by_others=place in seen, bounded=True,
            )  # fmt: skip
            if place in seen and receiver.renewable:
                receiver.transport.close("no picture", now)
            elif place not in seen and place not in self._told:
                self._told[place] = now
                self._show_again(place[1], place[0])

    def _patience(self, receiver: Receiver) -> float:
        helped = self._helped[receiver.participant]
        return SECONDS * float(2**helped) if helped < MOST else math.inf
