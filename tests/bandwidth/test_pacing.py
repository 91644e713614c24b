"""Pacing factors, and when the plane is told."""

import numpy as np

from sfu.bandwidth.pacing import BACKLOG_MOST, Pacing, factors, room


def test_what_stands_in_the_path_matters_more_than_what_waits_here() -> None:
    heard = np.array([False, True, True, True, True])
    ample = np.array([False, True, False, False, True])
    near = np.array([False, False, False, True, False])
    queued = np.array([False, False, False, False, True])
    assert factors(heard, ample, near, queued).tolist() == [2.5, 2.5, 1.1, 1.05, 1.0]


def test_old_packets_get_room() -> None:
    part = room(np.array([0.0, 300e3, 500e3, 9e9]))
    assert part.tolist() == [1.0, 1.0, 0.9, 1.0 - BACKLOG_MOST]


def test_small_changes_are_kept_back_but_for_those_downwards() -> None:
    pacing, row, none = Pacing(1), np.array([0]), np.zeros(1)
    rate = np.array([1e6])
    pacing.told(row, rate, rate, none, none)
    assert not pacing.news(1.005 * rate, 1.005 * rate, none, none)[0]
    assert pacing.news(0.999 * rate, 1.0 * rate, none, none)[0]
    assert pacing.news(rate, 1.02 * rate, none, none)[0]
    assert pacing.news(rate, rate, rate, none)[0]
    assert pacing.news(rate, rate, none, rate)[0]
