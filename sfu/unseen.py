"""Pictures that somebody should see and does not, whatever the reason: noticed, and mended.

No cause is known to be left; this is for those that are not known. A path that is open and carries
enough, a publisher who sends, and nothing forwarded for SECONDS: either the source makes keyframes
seldom and none when it is asked, or it is a fault of ours. What is done does no harm in the first
case. Where others on the same worker see the picture, the receiver's egress begins anew; where
nobody there does, the worker is told of the track anew. Each time takes twice as long as the time
before, as long as the picture stays away.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple

import structlog

from sfu.forwarder import Forwarder
from sfu.receiver import Receiver

SECONDS: Final = 10.0
MOST: Final = 3
"""Times that anybody is helped with one picture."""

log = structlog.get_logger()


class Missing(NamedTuple):
    """A picture of which nothing is forwarded."""

    slot: str
    track: int


class _Wait(NamedTuple):
    picture: Missing
    since: float
    helped: int = 0

    def is_due(self, now: float) -> bool:
        return self.helped < MOST and now - self.since >= SECONDS * float(2**self.helped)


class Unseen:
    """Of one room; `look` is to be called every second or so."""

    def __init__(self, show_again: Callable[[int, Forwarder], None]) -> None:
        """`show_again` tells a worker anew of a track."""
        self._show_again = show_again
        self._waits: dict[Receiver, _Wait] = {}
        self._told: dict[tuple[Forwarder, int], float] = {}
        """When workers were told anew of a track."""

    def look(
        self, missing: Mapping[Receiver, Missing], everybody: Collection[Receiver], now: float
    ) -> None:
        """Who misses a picture now, and which one."""
        waits = {each: self._waits.get(each) for each in missing}
        self._waits = {
            each: wait if wait is not None and wait.picture == missing[each]
            else _Wait(missing[each], now)
            for each, wait in waits.items()
        }  # fmt: skip
        due = [each for each, wait in self._waits.items() if wait.is_due(now)]
        if not due:
            return
        seen = {(each.transport.forwarder, track) for each in everybody for track in each.showing}
        self._told = {place: at for place, at in self._told.items() if now - at < SECONDS}
        for receiver in due:
            slot, track = missing[receiver]
            self._waits[receiver] = _Wait(missing[receiver], now, self._waits[receiver].helped + 1)
            place = receiver.transport.forwarder, track
            log.warning(
                "picture missing", participant=receiver.participant, track=track,
                seen_by_others=place in seen, bounded=True,
            )  # fmt: skip
            if place in seen:
                receiver.aim_again(slot)
            elif place not in self._told:
                self._told[place] = now
                self._show_again(track, place[0])
