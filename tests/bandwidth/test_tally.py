"""Bytes and probes are added up over rows and ticks."""

import numpy as np

from sfu.bandwidth.rows import ABORT_PROBES, FEEDBACK, PROBED, RATES, START_PROBE
from sfu.bandwidth.tally import Tally


def test_bytes_add_up_without_wrapping() -> None:
    rows = np.zeros(3, dtype=FEEDBACK)
    rows["sent_bytes"] = 0xFFFF_FFFF
    rows["sent_rtx_bytes"] = 10
    rows["sent_padding_bytes"] = [1, 2, 3]
    tally = Tally()
    for _ in range(2):
        tally.add(rows, np.zeros(0, dtype=RATES))
    assert (tally.rows, tally.media, tally.repairs, tally.padding) == (
        6,
        6 * 0xFFFF_FFFF,
        60,
        12,
    )


def test_probes_are_begun_and_answered_or_not() -> None:
    rates = np.zeros(4, dtype=RATES)
    rates["flags"] = [START_PROBE, 0, ABORT_PROBES, START_PROBE | ABORT_PROBES]
    rows = np.zeros(4, dtype=FEEDBACK)
    rows["flags"] = [PROBED, PROBED | 1, 1, PROBED]
    rows["probe_receive_bps"] = [900_000, 0, 700_000, 1_800_000]
    tally = Tally()
    tally.add(rows, rates)
    assert (tally.probes, tally.answered, tally.failed) == (2, 2, 1)


def test_nothing_is_nothing() -> None:
    tally = Tally()
    tally.add(np.zeros(0, dtype=FEEDBACK), np.zeros(0, dtype=RATES))
    assert vars(tally) == vars(Tally())
