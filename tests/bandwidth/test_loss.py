"""Losses that limit, and losses that do not."""

import math

import numpy as np

from sfu.bandwidth.loss import BY_DELAY, Loss
from sfu.bandwidth.rows import FEEDBACK

ROW = np.array([0])


def run(rates: list[float], capacity: float, loss: float, queue: float, lenient: bool) -> Loss:
    """A second per rate: `loss` of all packets vanish, and all above the capacity."""
    generator = np.random.default_rng(1)
    table, sent_us = Loss(1), 1_000_000
    for rate in rates:
        for _ in range(4):
            sent_us += 260_000
            size = rate * 0.26 / 8.0
            part = 1.0 - (1.0 - loss) * min(1.0, capacity / rate)
            lost = size * part * generator.uniform(0.5, 1.5)
            row = np.zeros(1, dtype=FEEDBACK)
            row["last_sent_us"], row["lost_bytes"], row["acked_bytes"] = sent_us, lost, size - lost
            table.update(
                ROW,
                row,
                np.array([4e6]),
                np.array([min(rate, capacity)]),
                np.array([False]),
                np.array([math.inf]),
                np.array([queue]),
                np.array([20.0]) if lenient else None,
            )
    return table


STEADY = [2e6] * 6
VARIED = [1e6, 2e6, 3e6, 1.5e6, 2.5e6, 3e6]


def test_random_loss_limits_goog_cc_only() -> None:
    assert run(STEADY, 9e6, 0.1, 0.0, False).limit[0] < 3e6
    excused = run(STEADY, 9e6, 0.1, 0.0, True)
    assert excused.state[0] == BY_DELAY
    assert 0.08 < excused.unavoidable[0] < 0.12


def test_loss_with_a_queue_is_no_accident() -> None:
    assert run(STEADY, 9e6, 0.1, 90.0, True).unavoidable[0] == 0.0


def test_loss_that_comes_with_the_rate_is_no_accident() -> None:
    assert run(VARIED, 2.6e6, 0.0, 0.0, True).unavoidable[0] == 0.0


def limited_after(interval: float) -> int:
    """Observations until a path limits that loses a third, after twenty seconds without losses in
    which it was heard so often."""
    table, sent_us, few = Loss(1), 1_000_000, np.array([20.0])
    for lossy in [False] * round(20 / interval) + [True] * 20:
        elapsed = 0.26 if lossy else interval
        sent_us += round(1e6 * elapsed)
        size = 2e6 / 8.0 * elapsed
        lost = size / 3.0 if lossy else 0.0
        row = np.zeros(1, dtype=FEEDBACK)
        row["last_sent_us"], row["lost_bytes"], row["acked_bytes"] = sent_us, lost, size - lost
        rate, idle = np.array([2e6]), np.array([False])
        table.update(ROW, row, 2.0 * rate, rate, idle, np.array([math.inf]), 0.0 * few, few)
        if table.limit[0] < math.inf:
            break
    return int(table.observations.count[0]) - round(20 / interval)


def test_who_was_heard_seldom_is_limited_as_soon() -> None:
    assert limited_after(1.0) - limited_after(0.26) <= 1


def test_nobody_is_excused_for_losing_a_fifth() -> None:
    assert run(STEADY, 9e6, 0.25, 0.0, True).limit[0] < 3e6


def test_without_loss_delay_rules() -> None:
    assert run(STEADY, 9e6, 0.0, 0.0, False).state[0] == BY_DELAY


def test_what_a_full_queue_lost_is_forgiven_when_it_is_empty_and_other_losses_are_kept() -> None:
    table = run(STEADY, 1.5e6, 0.0, 90.0, True)
    assert table.limit[0] < math.inf
    table.forgive(ROW)
    assert table.state[0] == BY_DELAY
    assert table.limit[0] == math.inf
    assert table.observations.count[0] == 0
    lossy = run(STEADY, 9e6, 0.1, 0.0, True)
    lossy.forgive(ROW)
    assert lossy.observations.count[0] > 0
