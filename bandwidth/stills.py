"""Pictures that stood still on the way to each receiver, added up since its path is up.

The packet plane says so in its rows: no frame left for half a second and three times their mean
distance, because the path did not carry it or the keyframe of another layer was waited for; or
because the publisher sent nothing, which is counted apart.
"""

from typing import Final, NamedTuple

import numpy as np

from sfu.bandwidth.columns import Columns
from sfu.bandwidth.rows import Floats, Ints, Records

CAUSES: Final = ("link", "keyframe", "publisher")


class Freezes(NamedTuple):
    """How often, and for how many seconds, pictures stood still, by what kept the next frame."""

    link: int = 0
    keyframe: int = 0
    publisher: int = 0
    link_seconds: float = 0.0
    keyframe_seconds: float = 0.0
    publisher_seconds: float = 0.0

    def plus(self, further: "Freezes") -> "Freezes":
        """Both together."""
        return Freezes(
            self.link + further.link,
            self.keyframe + further.keyframe,
            self.publisher + further.publisher,
            self.link_seconds + further.link_seconds,
            self.keyframe_seconds + further.keyframe_seconds,
            self.publisher_seconds + further.publisher_seconds,
        )


class Stills(Columns):
    """One dense row per receiver."""

    count: Floats
    seconds: Floats
    """Of the path and of keyframes, together."""
    keyframe_count: Floats
    keyframe_seconds: Floats
    publisher_count: Floats
    publisher_seconds: Floats

    def __init__(self, capacity: int = 64) -> None:
        kinds = ("", "keyframe_", "publisher_")
        names = (f"{kind}{name}" for kind in kinds for name in ("count", "seconds"))
        super().__init__(capacity, dict.fromkeys(names, 0.0))

    def add(self, rows: Ints, news: Records) -> None:
        """Takes the feedback of these rows; one of them may come several times."""
        frozen = (news["frozen_ms"] > 0) | (news["frozen_publisher_ms"] > 0)
        told = np.flatnonzero(frozen & (rows >= 0))
        if not len(told):
            return
        rows, news = rows[told], news[told]
        for columns, count, ms in (
            ("", "freezes", "frozen_ms"),
            ("keyframe_", "freezes_keyframe", "frozen_keyframe_ms"),
            ("publisher_", "freezes_publisher", "frozen_publisher_ms"),
        ):
            np.add.at(getattr(self, f"{columns}count"), rows, news[count])
            np.add.at(getattr(self, f"{columns}seconds"), rows, news[ms] / 1000)

    def of(self, row: int) -> Freezes:
        """All so far."""
        keyframe, keyframe_seconds = self.keyframe_count[row], self.keyframe_seconds[row]
        return Freezes(
            int(self.count[row] - keyframe), int(keyframe), int(self.publisher_count[row]),
            float(self.seconds[row] - keyframe_seconds), float(keyframe_seconds),
            float(self.publisher_seconds[row]),
        )  # fmt: skip
