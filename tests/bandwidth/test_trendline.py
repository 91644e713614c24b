"""Running sums against a fit of the whole window, and what is called overuse."""

import numpy as np

from sfu.bandwidth.groups import Groups
from sfu.bandwidth.rows import DELTA, Records
from sfu.bandwidth.trendline import NORMAL, OVERUSE, UNDERUSE, WINDOW, Trendline

ROWS = np.array([0])


def series(growth_us: int, count: int, start_us: int = 0) -> Records:
    """Groups sent each 10 ms, each later than the last by `growth_us`."""
    deltas = np.zeros(count, dtype=DELTA)
    deltas["send_delta_us"] = 10_000
    deltas["arrival_delta_us"] = 10_000 + growth_us
    deltas["arrival_us"] = start_us + np.arange(1, count + 1) * (10_000 + growth_us)
    return deltas


def feed(trendline: Trendline, deltas: Records) -> None:
    trendline.update(ROWS, Groups(np.array([0]), np.array([len(deltas)]), deltas))


def test_the_slope_is_that_of_a_fit_even_after_a_day() -> None:
    generator = np.random.default_rng(1)
    trendline = Trendline(1)
    arrival, delay, smoothed = 1e12, 0.0, 0.0
    points: list[tuple[float, float]] = []
    for number in range(2000):
        deltas = series(0, 5)
        deltas["arrival_delta_us"] += generator.integers(-3000, 3200, 5)
        deltas["arrival_us"] = arrival + np.cumsum(deltas["arrival_delta_us"])
        arrival = float(deltas["arrival_us"][-1])
        if number < 1990:  # in the end the window is short, and the more must sums be exact
            arrival += 45_000_000.0
        for each in deltas:
            delay += (int(each["arrival_delta_us"]) - 10_000) / 1000.0
            smoothed = 0.9 * smoothed + 0.1 * delay
            points.append((int(each["arrival_us"]) / 1000.0, smoothed))
        feed(trendline, deltas)
    x, y = np.array(points[-WINDOW:]).T
    expected = np.polyfit(x - x.mean(), y - y.mean(), 1)[0]
    assert abs(trendline.slope[0] - expected) < 1e-6 * max(abs(expected), 1e-3)


def test_a_growing_queue_is_overuse_and_a_shrinking_one_underuse() -> None:
    trendline = Trendline(1)
    feed(trendline, series(0, 40))
    assert trendline.state[0] == NORMAL
    feed(trendline, series(3_000, 30, 400_000))
    assert trendline.state[0] == OVERUSE
    feed(trendline, series(-3_000, 60, 800_000))
    assert trendline.state[0] == UNDERUSE
