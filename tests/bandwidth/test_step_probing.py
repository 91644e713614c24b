"""Probes for the next step of the allocation."""

import numpy as np

from sfu.bandwidth.probing import Situation
from sfu.bandwidth.rows import RATES
from sfu.bandwidth.step_probing import RETRY_MOST, STAGNATION, StepProbing

ROW = np.array([0])


def situation(estimate: float, allocated: float, step: float, wanted: float) -> Situation:
    def of(value: float) -> np.ndarray:
        return np.array([value])

    return Situation(
        estimate=of(estimate),
        fit=np.array([True]),
        recovered=np.array([False]),
        throughput=of(allocated),
        limited=np.array([True]),
        limited_since=of(0.0),
        limited_until=of(0.0),
        allocated=of(allocated),
        next_step=of(step),
        wanted=of(wanted),
        ceiling=of(np.inf),
        round_trip=of(0.05),
        jitter=of(0.0),
        ample=np.array([True]),
        waited=of(0.0),
        unanswered=np.array([False]),
    )


class Session:
    """One row over time; `capacity` answers probes 100 ms after they started."""

    def __init__(self, capacity: float) -> None:
        self.probing, self.capacity, self.now = StepProbing(1), capacity, 0.0
        self.probes: list[tuple[float, float]] = []
        self._due: list[tuple[float, int, float]] = []

    def run(self, seconds: float, at: Situation) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += 0.05
            while self._due and self._due[0][0] <= self.now:
                _, number, rate = self._due.pop(0)
                found = np.array([min(rate, self.capacity)])
                self.probing.result(ROW, self.now, np.array([number]), found)
            self.probing.update(ROW, self.now, at)
            rates = np.zeros(1, dtype=RATES)
            self.probing.clusters.start(ROW, rates)
            if rates["flags"][0]:
                rate = float(rates["probe_bps"][0])
                self.probes.append((self.now, rate))
                self._due.append((self.now + 0.1, int(rates["probe"][0]), rate))


def test_asks_for_the_next_step_soon_after_the_start() -> None:
    session = Session(capacity=9e6)
    session.run(0.6, situation(1e6, 9e5, 1.5e6, 8e6))
    rates = [rate for _, rate in session.probes]
    assert rates[:2] == [3e6, 6e6]
    assert 8e6 < rates[2] < 8.5e6  # twice what was found, but no more than is wanted


def test_a_refused_step_is_asked_for_less_and_less_but_never_given_up() -> None:
    session = Session(capacity=1e6)
    session.run(30.0, situation(1e6, 9e5, 1.5e6, 2e6))
    waits = np.diff([at for at, _ in session.probes])
    assert waits[0] < waits[1] < waits[-1] <= RETRY_MOST + 0.2
    assert len(waits) > 10


def test_nothing_is_asked_by_who_has_all() -> None:
    session = Session(capacity=9e6)
    session.run(20.0, situation(2.3e6, 2e6, 2e6, 2.05e6))
    assert len(session.probes) == 1  # the start's; twice the same would say no more


def test_a_withheld_step_does_not_end_probing() -> None:
    session = Session(capacity=1e6)
    session.run(20.0, situation(1e6, 9e5, 9e5, 3e6))
    assert 3 <= len(session.probes) - 2 <= 20.0 / STAGNATION + 1


def test_lost_results_end_the_wait() -> None:
    session = Session(capacity=5e6)
    session.run(0.2, situation(1e6, 9e5, 1.5e6, 2e6))
    session._due.clear()
    session.run(6.0, situation(1e6, 9e5, 1.5e6, 2e6))
    assert len(session.probes) > 3


def test_after_a_breakdown_the_first_probes_that_fail_cost_nothing() -> None:
    session = Session(capacity=250e3)
    session.run(0.3, situation(2e6, 1.9e6, 3e6, 4e6))
    session.run(0.5, situation(250e3, 200e3, 300e3, 2e6))
    session.run(30.0, situation(250e3, 200e3, 300e3, 2e6))
    waits = np.diff([at for at, _ in session.probes])
    assert min(waits[1:3]) < 1.6
    assert min(waits[4:]) > 2.3
    count = len(session.probes)
    session.run(20.0, situation(230e3, 200e3, 300e3, 2e6))
    assert len(session.probes) <= count + 8, "a little less is no breakdown"
    count = len(session.probes)
    session.run(3.0, situation(100e3, 100e3, 300e3, 2e6))
    assert len(session.probes) >= count + 2


def test_a_slow_cluster_is_more_than_the_sound_that_goes_along() -> None:
    for estimate in (40e3, 200e3, 2e6):
        probing = StepProbing(1)
        probing.update(ROW, 0.0, situation(estimate, estimate, 1.1 * estimate, 9 * estimate))
        rates = np.zeros(1, dtype=RATES)
        probing.clusters.start(ROW, rates)
        seconds = 8.0 * rates["probe_bytes"][0] / rates["probe_bps"][0]
        assert seconds >= 0.0149
        assert rates["probe_bytes"][0] >= 2_490
