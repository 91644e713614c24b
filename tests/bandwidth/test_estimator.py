"""The estimator as its caller sees it: rows, ceilings, commands."""

import numpy as np

from sfu.bandwidth.estimator import Estimator, no_feedback, probes
from sfu.bandwidth.rows import DELTA, FEEDBACK, PROBED, SILENT, TRANSPORT_WIDE, Records

NO_DELTAS = np.zeros(0, dtype=DELTA)


def news(transport: int, **fields: int) -> Records:
    row = np.zeros(1, dtype=FEEDBACK)
    row["transport"], row["flags"] = transport, TRANSPORT_WIDE
    for name, value in fields.items():
        row[name] = value
    return row


def test_a_new_transport_gets_its_rates_once() -> None:
    estimator = Estimator(2)
    estimator.add(7, 0.0, start=400_000.0)
    rates = estimator.tick(0.0, no_feedback(), NO_DELTAS)
    assert rates["transport"].tolist() == [7]
    assert rates["target_bps"].tolist() == [400_000]
    assert rates["pacing_bps"].tolist() == [1_000_000]
    estimator.tick(0.05, no_feedback(), NO_DELTAS)
    assert len(estimator.tick(0.1, no_feedback(), NO_DELTAS)) == 0


def test_a_new_transport_is_probed_before_anything_is_sent() -> None:
    estimator = Estimator(2)
    estimator.add(7, 0.0, start=400_000.0)
    started = [estimator.tick(each / 20, no_feedback(), NO_DELTAS) for each in range(3)]
    assert [probes(rates).tolist() for rates in started] == [[True], [True], []]
    assert [rates["probe"].tolist() for rates in started] == [[1], [2], []]
    assert [rates["probe_bps"].tolist() for rates in started] == [[1_200_000], [2_400_000], []]


def test_never_above_the_ceiling() -> None:
    estimator = Estimator(2)
    estimator.add(7, 0.0, start=400_000.0, ceiling=200_000.0)
    assert estimator.tick(0.0, no_feedback(), NO_DELTAS)["target_bps"].tolist() == [200_000]
    rows = estimator.rows_of(np.array([7]))
    kbps = np.array([100_000.0])
    estimator.demand(rows, allocated=kbps, next_step=kbps, wanted=kbps, ceiling=kbps)
    assert estimator.tick(0.05, no_feedback(), NO_DELTAS)["target_bps"].tolist() == [100_000]


def test_rows_survive_growth_and_are_given_back() -> None:
    estimator = Estimator(1)
    for transport in (3, 2**32 - 1, 5):
        estimator.add(transport, 0.0)
    assert estimator.rows_of(np.array([3, 2**32 - 1, 5, 4])).tolist() == [0, 1, 2, -1]
    estimator.remove(3)
    assert estimator.active.tolist() == [False, True, True, False]
    assert estimator.rows_of(np.array([3])).tolist() == [-1]


def test_news_of_strangers_and_doubles_do_no_harm() -> None:
    estimator = Estimator(1)
    estimator.add(3, 0.0)
    rows = np.concatenate([news(9), news(3, throughput_bps=1), news(3, throughput_bps=300_000)])
    estimator.tick(0.05, rows, NO_DELTAS)
    assert estimator.throughput.tolist() == [300_000.0]


def test_who_fell_silent_is_called_each_second_and_has_all_back_with_the_first_answer() -> None:
    """Nothing may fit in the end, so that nothing else would be sent that could be answered."""
    estimator = Estimator(2)
    estimator.add(7, 0.0, start=800_000.0)
    estimator.tick(0.0, news(7, throughput_bps=700_000, round_trip_us=50_000), NO_DELTAS)
    base, full = np.array([100_000.0]), np.array([600_000.0])
    row = estimator.rows_of(np.array([7]))
    estimator.demand(row, allocated=base, next_step=full, wanted=full, ceiling=np.array([1e9]))
    before = float(estimator.estimate[row[0]])
    calls = []
    for tick in range(40, 800):
        now, silent = tick / 20, news(7, flags=SILENT)
        if tick % 20 == 5:
            silent = news(7, flags=PROBED)  # the last call came to nothing
        calls += [now] * int(np.count_nonzero(probes(estimator.tick(now, silent, NO_DELTAS))))
    assert estimator.estimate[row[0]] == 30_000.0
    last = [later - former for former, later in zip(calls[-10:], calls[-9:], strict=False)]
    assert len(last) == 9
    assert all(0.9 < each < 1.2 for each in last), last
    estimator.tick(40.0, news(7, throughput_bps=30_000, round_trip_us=50_000), NO_DELTAS)
    assert estimator.estimate[row[0]] > 0.8 * before
