"""What probes have shown lately."""

import math

import numpy as np

from sfu.bandwidth.shown import SPAN, Shown

ROW = np.array([0])


def tell(shown: Shown, now: float, rate: float, sent: float) -> float:
    shown.learn(ROW, now, np.array([rate]), np.array([sent]))
    return float(shown.most(now)[0])


def test_nothing_is_shown_by_probes_that_met_no_limit() -> None:
    shown = Shown(1)
    assert tell(shown, 1.0, 2e6, 2e6) == math.inf
    assert tell(shown, 1.1, 0.0, 9e6) == math.inf, "a cluster that failed"
    assert tell(shown, 1.2, 1.9e6, 3e6) == 2e6


def test_the_most_of_the_last_probes_counts_and_is_forgotten() -> None:
    shown = Shown(1)
    tell(shown, 1.0, 1e6, 3e6)
    assert tell(shown, 3.0, 2e6, 3e6) == 2e6, "jitter makes probes look slow, one by one"
    assert tell(shown, 5.0, 1e6, 3e6) == 2e6
    assert tell(shown, 1.1 + SPAN, 1e6, 3e6) == 2e6
    assert tell(shown, 1.2 + 2 * SPAN, 1e6, 3e6) == 1e6
    assert tell(shown, 1.3 + 5 * SPAN, 9e5, 3e6) == 9e5
    assert shown.most(1.4 + 7 * SPAN)[0] == math.inf


def test_a_path_that_carries_more_again_is_seen_at_once() -> None:
    shown = Shown(1)
    tell(shown, 1.0, 1e6, 3e6)
    assert tell(shown, 1.5, 3e6, 3e6) == 3e6
