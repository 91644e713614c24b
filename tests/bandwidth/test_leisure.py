"""Whose feedback may wait."""

import numpy as np

from sfu.bandwidth.estimator import Estimator
from sfu.bandwidth.rows import AT_LEISURE, DELTA, FEEDBACK, REPORT, TRANSPORT_WIDE
from sfu.bandwidth.tuning import CORE, Tuning

ALL = 1_000_000.0
STEP = 2_000_000.0


class Heard:
    """One receiver with a path of 1.5 Mbit/s that answers each 50 ms; `now` moves."""

    def __init__(self, tuning: Tuning | None = None) -> None:
        self.estimator, self.now = Estimator(1, tuning), 0.0
        self.estimator.add(7, 0.0, start=1_500_000.0)
        self.hurried: bool | None = None
        """As the plane was told last."""

    def hold(
        self, seconds: float, *, allocated: float = ALL, step: float = ALL, **news: int
    ) -> None:
        for _ in range(round(seconds / 0.05)):
            self.now += 0.05
            row = np.zeros(1, dtype=FEEDBACK)
            row["transport"], row["flags"], row["throughput_bps"] = 7, TRANSPORT_WIDE, ALL
            for name, value in news.items():
                row[name] = value
            given, next_step = np.array([allocated]), np.array([step])
            self.estimator.demand(
                np.array([0]),
                allocated=given,
                next_step=next_step,
                wanted=next_step,
                ceiling=2e7 + given,
            )
            rates = self.estimator.tick(self.now, row, np.zeros(0, dtype=DELTA))
            if len(rates):
                self.hurried = not rates["flags"][0] & AT_LEISURE


def test_who_has_all_may_be_heard_later() -> None:
    heard = Heard()
    heard.hold(1.0)
    assert heard.hurried is False
    heard.hold(0.05, step=STEP)
    assert heard.hurried is True, "there is a step to take"
    heard.hold(1.0)
    assert heard.hurried is False
    heard.hold(0.05, allocated=STEP, step=STEP)
    assert heard.hurried is True, "or one to take back"


def test_who_has_a_queue_is_heard_soon_and_for_a_while_after() -> None:
    heard = Heard()
    heard.hold(1.0)
    heard.hold(0.05, delay_min_us=30_000)
    assert heard.hurried is True
    heard.hold(0.5)
    assert heard.hurried is False, "a burst was all"
    heard.hold(1.0, delay_min_us=200_000)
    half = ALL / 2
    heard.hold(2.0, allocated=half, step=half)
    assert heard.hurried is True, "the path has just become narrower"
    heard.hold(3.0, allocated=half, step=half)
    assert heard.hurried is False


def test_who_has_pictures_waiting_is_heard_soon() -> None:
    heard = Heard()
    heard.hold(1.0)
    heard.hold(0.05, queued_us=250_000)
    assert heard.hurried is True


def test_who_cannot_ask_by_probes_is_heard_each_time() -> None:
    heard = Heard(CORE)
    heard.hold(1.0)
    assert heard.hurried is True


def test_who_only_listens_may_be_heard_later_without_having_been_heard() -> None:
    heard = Heard()
    heard.hold(1.0, allocated=64_000.0, step=64_000.0, flags=REPORT)
    assert heard.hurried is False
    heard.hold(1.0, flags=REPORT)
    assert heard.hurried is True
