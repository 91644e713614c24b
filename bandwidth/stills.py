"""Pictures that stood still on the way to each receiver, added up since its path is up.

The packet plane says so in its rows: no frame left for half a second and three times their mean
distance, because the path did not carry it or the keyframe of another layer was waited for.
"""

import numpy as np

from sfu.bandwidth.columns import Columns
from sfu.bandwidth.rows import Floats, Ints, Records


class Stills(Columns):
    """One dense row per receiver."""

    count: Floats
    seconds: Floats

    def __init__(self, capacity: int = 64) -> None:
        super().__init__(capacity, {"count": 0.0, "seconds": 0.0})

    def add(self, rows: Ints, news: Records) -> None:
        """Takes the feedback of these rows; one of them may come several times."""
        told = np.flatnonzero((news["frozen_ms"] > 0) & (rows >= 0))
        if len(told):
            np.add.at(self.count, rows[told], news["freezes"][told])
            np.add.at(self.seconds, rows[told], news["frozen_ms"][told] / 1000)
