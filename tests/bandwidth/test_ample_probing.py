"""Whether a path that once seemed full is, and who is asked when."""

import math
from typing import Any

import numpy as np
import pytest

from sfu.bandwidth.ample_probing import ASKED, AT_ONCE, CALM, WAIT, WAIT_MOST, AmpleProbing
from sfu.bandwidth.estimator import Estimator
from sfu.bandwidth.probing import Situation
from sfu.bandwidth.rows import DELTA, FEEDBACK, PROBED, TRANSPORT_WIDE, Records

WANTED = 1.5e6
TICK = 0.25


def situation(
    count: int = 1,
    *,
    fit: bool = True,
    ample: bool = False,
    waited: float = 0.0,
    next_step: float = 0.97 * WANTED,
    wanted: float = WANTED,
) -> Situation:
    """Of so many paths that are given all that is wanted, unless there is a `next_step`."""

    def of(value: float) -> np.ndarray:
        return np.full(count, value)

    return Situation(
        estimate=of(1.6e6),
        fit=np.full(count, fit),
        recovered=np.full(count, False),
        throughput=of(1.2e6),
        limited=np.full(count, False),
        limited_since=of(0.0),
        limited_until=of(0.0),
        allocated=of(0.97 * WANTED),
        next_step=of(next_step),
        wanted=of(wanted),
        ceiling=of(math.inf),
        round_trip=of(0.05),
        jitter=of(0.0),
        ample=np.full(count, ample),
        waited=of(waited),
        unanswered=np.full(count, False),
    )


class Watch:
    """Paths over time, and when one of them was asked."""

    def __init__(self, count: int = 1) -> None:
        self.rows = np.arange(count)
        self.probing = AmpleProbing(count)
        self.now = 100.0
        self.asked: list[tuple[float, int]] = []
        self.hold(TICK, fit=False)

    def hold(self, seconds: float, **at: Any) -> list[float]:
        """Times of questions since the beginning of this, of all paths."""
        begun, before = self.now, len(self.asked)
        present, free = situation(len(self.rows), **at), np.full(len(self.rows), True)
        while self.now < begun + seconds:
            self.now += TICK
            found = self.probing.due(self.rows, self.now, present, free)
            self.asked += [(self.now, int(row)) for row in found]
        return [when - begun for when, _ in self.asked[before:]]


def test_a_path_without_a_queue_is_asked_less_and_less() -> None:
    times = Watch().hold(1_500.0)
    assert times[0] == pytest.approx(CALM, abs=2 * TICK)
    waits = np.diff(times)
    assert waits[0] == pytest.approx(2 * WAIT, abs=2 * TICK)
    assert np.all(waits[1:6] > 1.9 * waits[:5])
    assert waits[-1] == pytest.approx(WAIT_MOST, abs=2 * TICK)


def test_who_is_asked_and_who_is_not() -> None:
    assert not Watch().hold(60.0, ample=True), "nobody doubts it"
    assert not Watch().hold(60.0, fit=False), "there is a queue"
    assert not Watch().hold(60.0, next_step=2 * WANTED), "the next step is asked for"
    assert not Watch().hold(60.0, wanted=64_000.0), "sound waits for nothing"


def test_pictures_that_wait_are_probes_themselves() -> None:
    assert Watch().hold(3.0, waited=0.9)[0] < 1.0


def test_what_did_not_last_does_not_count() -> None:
    watch = Watch()
    watch.hold(40.0)
    watch.hold(10.0, ample=True)
    assert not watch.hold(10.0), "it was soon full again"
    watch.hold(90.0, ample=True)
    assert watch.hold(20.0)


def test_a_stall_of_this_end_does_not_ask_all_at_once() -> None:
    watch = Watch(100)
    watch.hold(CALM + 2.0)
    _, counts = np.unique([when for when, _ in watch.asked], return_counts=True)
    assert counts.max() == AT_ONCE
    assert {row for _, row in watch.asked} == set(range(100))


def answer(number: int, sent: float, came: float) -> Records:
    news = np.zeros(1, dtype=FEEDBACK)
    news["transport"], news["flags"] = 7, TRANSPORT_WIDE | PROBED
    news["probe"], news["probe_packets"] = number, 6
    news["probe_send_bps"], news["probe_receive_bps"] = sent, came
    news["throughput_bps"], news["acked_bytes"] = 1_200_000, 7_500
    return news


@pytest.mark.parametrize(
    ("came", "pace"),
    [
        pytest.param(ASKED * WANTED, 2.5, id="far more than is wanted"),
        pytest.param(1.2 * WANTED, 1.1, id="a limit"),
    ],
)
def test_what_a_link_seemed_to_carry_is_disproved_by_a_probe(came: float, pace: float) -> None:
    estimator, row, deltas = Estimator(1), np.array([0]), np.zeros(0, dtype=DELTA)
    estimator.add(7, 0.0, start=1.7e6)
    cost = np.array([WANTED / 1.03])
    estimator.demand(
        row, allocated=cost, next_step=cost, wanted=np.array([WANTED]), ceiling=np.array([4e6])
    )
    probed = 0
    for tick in range(100):
        now = tick / 10
        news = answer(0, 0, 0) if tick else np.zeros(0, dtype=FEEDBACK)
        if tick:
            news["flags"] = TRANSPORT_WIDE
        rates = estimator.tick(now, news, deltas)
        if tick == 1:
            # It seemed to be full.
            estimator._delay.aimd.link.overused(row, np.array([2.5e6]))
        asked = ASKED * WANTED
        if len(rates) and rates["probe"][0] and float(rates["probe_bps"][0]) == asked:
            estimator.tick(now + 0.05, answer(int(rates["probe"][0]), asked, came), deltas)
            probed += 1
    assert probed >= 1
    assert estimator._pacing._pacing[0] == pytest.approx(pace * estimator.estimate[0], rel=0.02)
    assert estimator.in_whole()[0] == (pace > 2.0)
