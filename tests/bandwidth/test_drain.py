"""Draining: how much, how long, and what comes after."""

import numpy as np

from sfu.bandwidth.drain import DRAIN_LEAST, RESUME, RESUME_DEEP, Drain, resume

ROW = np.array([0])
EMPTY = np.array([10.0])


def started(queue: float, *, narrowed: bool = False) -> Drain:
    drain = Drain(1)
    rate, capacity, trip = np.array([2e6]), np.array([1e6]), np.array([0.05])
    narrow = np.array([narrowed])
    drain.begin(ROW, 0.0, rate, capacity, np.array([queue]), trip, narrow)
    return drain


def test_the_longer_the_queue_the_less_is_sent() -> None:
    short, long = started(30.0).sending(ROW)[0], started(300.0).sending(ROW)[0]
    assert 1e6 > short > long > DRAIN_LEAST * 1e6
    assert started(5000.0).sending(ROW)[0] == DRAIN_LEAST * 1e6


def test_ends_when_the_queue_is_gone() -> None:
    drain = started(100.0)
    assert not drain.update(ROW, 0.1, np.array([9e5]), np.array([60.0]), EMPTY)[0]
    assert drain.capacity[0] == 9e5
    assert not drain.update(ROW, 0.2, np.array([2e5]), np.array([5.0]), EMPTY)[0]
    assert not drain.active[0]
    assert drain.capacity[0] == 9e5  # without a queue arrivals say nothing of the link


def test_runs_out_of_time_when_the_queue_stays() -> None:
    drain = started(100.0)
    assert drain.update(ROW, 9.0, np.array([9e5]), np.array([99.0]), EMPTY)[0]
    assert drain.stays(ROW, np.array([99.0]))[0]
    assert not drain.stays(ROW, np.array([45.0]))[0]


def test_resumes_lower_after_a_long_queue() -> None:
    assert resume(np.array([20.0, 300.0])).tolist() == [RESUME, RESUME_DEEP]


def test_layers_leave_room_for_keyframes_on_a_link_that_has_become_narrow() -> None:
    drain = started(300.0, narrowed=True)
    rows, layers = drain.layers(0.5)
    assert rows.tolist() == [0]
    assert layers[0] < 0.7 * drain.sending(ROW)[0]
    assert not len(drain.layers(1.5)[0])
    drain.update(ROW, 0.6, np.array([9e5]), np.array([5.0]), EMPTY)
    assert not len(drain.layers(0.6)[0])
    for other in (started(300.0), started(60.0, narrowed=True)):
        assert not len(other.layers(0.5)[0])
    assert drain.sending(ROW)[0] > started(300.0).sending(ROW)[0]


def test_a_queue_that_goes_away_fast_shows_a_link_that_is_wide_again() -> None:
    def after(arriving: float, *, narrowed: bool = True) -> float:
        return float(started(300.0, narrowed=narrowed).rate_after(ROW, np.array([arriving]))[0])

    assert after(1.2e6) == RESUME_DEEP * 1e6
    assert 1e6 < after(1.8e6) < 1.8e6
    assert after(9e6) == 2e6, "no more than before"
    assert after(1.8e6, narrowed=False) == RESUME_DEEP * 1e6
