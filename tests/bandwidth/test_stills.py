"""Pictures that stood still, by receiver."""

import numpy as np

from sfu.bandwidth.rows import FEEDBACK
from sfu.bandwidth.stills import Freezes, Stills


def test_what_rows_tell_is_added_up_for_those_who_are_known() -> None:
    news = np.zeros(5, dtype=FEEDBACK)
    news["freezes"] = [1, 0, 2, 5, 0]
    news["frozen_ms"] = [500, 250, 65_535, 9_000, 0]
    stills = Stills(4)
    stills.add(np.array([1, 1, 0, -1, 3]), news)
    assert stills.count.tolist() == [2, 1, 0, 0]
    assert stills.seconds.tolist() == [65.535, 0.75, 0, 0]


def test_causes_are_told_apart() -> None:
    news = np.zeros(3, dtype=FEEDBACK)
    news["freezes"], news["frozen_ms"] = [3, 0, 0], [1_500, 0, 0]
    news["freezes_keyframe"], news["frozen_keyframe_ms"] = [1, 0, 0], [500, 0, 0]
    # Publishers are no news of the path, and come by themselves.
    news["freezes_publisher"], news["frozen_publisher_ms"] = [0, 1, 0], [0, 2_000, 0]
    stills = Stills(2)
    stills.add(np.array([0, 0, 1]), news)
    assert stills.of(0) == Freezes(2, 1, 1, 1.0, 0.5, 2.0)
    assert stills.of(1) == Freezes()
    assert (stills.count[0], stills.seconds[0]) == (3, 1.5), "no fault of the path"
    stills.clear(0)
    assert stills.of(0) == Freezes()
