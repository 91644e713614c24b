"""Steps of the wall clock, told from its drift."""

from sfu.clock import Clock, Steps


def test_a_step_is_told_once_and_drift_is_none() -> None:
    passed, ahead = 100.0, 0.0
    steps = Steps(Clock(monotonic=lambda: passed, wall=lambda: 1.7e9 + passed + ahead))
    told = []
    for drift in (0, 0.9, 0.9, 7200, 0, -7200.5, -0.5):
        passed, ahead = passed + 60, ahead + drift
        told.append(round(steps.take(), 3))
    assert told == [0, 0, 0, 7200, 0, -7200.5, 0]
