"""What arrives without a number counts as well."""

import numpy as np
import pytest

from sfu.bandwidth.estimator import Estimator
from sfu.bandwidth.partial import LEAST, Partial
from sfu.bandwidth.rows import DELTA, FEEDBACK, PARTIAL, TRANSPORT_WIDE, Records

ROW = np.array([0])


def news(**fields: int) -> Records:
    row = np.zeros(1, dtype=FEEDBACK)
    for name, value in fields.items():
        row[name] = value
    return row


def test_the_part_that_is_reported_on_is_learnt() -> None:
    partial = Partial(1)
    for _ in range(60):
        row = news(flags=PARTIAL, sent_bytes=8_000, acked_bytes=5_000, lost_bytes=1_000)
        part = partial.covered(ROW, row)[0]
    assert part == pytest.approx(0.75)
    assert partial.covered(ROW, news(sent_bytes=8_000, acked_bytes=6_000))[0] == 1.0


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"sent_bytes": 2**32 - 1}, LEAST),
        ({"acked_bytes": 2**32 - 1}, 1.0),
        ({"acked_bytes": 5, "unlost_bytes": 2**32 - 1}, LEAST),
        ({}, LEAST),
    ],
)
def test_absurd_bytes_are_bounded(fields: dict[str, int], part: float) -> None:
    assert Partial(1).covered(ROW, news(flags=PARTIAL, **fields))[0] == part


def test_sound_without_numbers_does_not_make_the_path_look_narrow() -> None:
    """Half of what is sent is unnumbered sound; all of it arrives, and nothing queues."""
    estimates = {}
    for flags in (TRANSPORT_WIDE | PARTIAL, TRANSPORT_WIDE):
        estimator = Estimator(1)
        estimator.add(7, 0.0)
        for tick in range(1, 200):
            row = news(
                transport=7,
                flags=flags,
                last_sent_us=10_000_000 + tick * 50_000,
                acked_bytes=2_000,
                sent_bytes=4_000,
                throughput_bps=320_000,
                round_trip_us=50_000,
            )
            estimator.tick(tick / 20, row, np.zeros(0, dtype=DELTA))
        estimates[flags] = float(estimator.estimate[0])
        assert estimator.loss[0] == 0.0
    # goog_cc's bound, or ours: not far beyond what arrives.
    assert estimates[TRANSPORT_WIDE] < 400_000 < 640_000 < estimates[TRANSPORT_WIDE | PARTIAL]
