"""Pictures that stood still, by receiver."""

import numpy as np

from sfu.bandwidth.rows import FEEDBACK
from sfu.bandwidth.stills import Stills


def test_what_rows_tell_is_added_up_for_those_who_are_known() -> None:
    news = np.zeros(5, dtype=FEEDBACK)
    news["freezes"] = [1, 0, 2, 5, 0]
    news["frozen_ms"] = [500, 250, 65_535, 9_000, 0]
    stills = Stills(4)
    stills.add(np.array([1, 1, 0, -1, 3]), news)
    assert stills.count.tolist() == [2, 1, 0, 0]
    assert stills.seconds.tolist() == [65.535, 0.75, 0, 0]
