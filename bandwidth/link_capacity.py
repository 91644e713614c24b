"""What the link was seen to carry when it was overused (goog_cc link_capacity_estimator)."""

import math
from typing import Final

import numpy as np

from sfu.bandwidth.columns import Columns
from sfu.bandwidth.rows import Bools, Floats, Ints, within

SMOOTHING: Final = 0.05
VARIANCE: Final = 0.4
VARIANCE_MOST: Final = 2.5
DEVIATIONS: Final = 3.0
NEAR: Final = 0.9


class LinkCapacity(Columns):
    """Mean and normalised variance of throughput at overuse, kbit/s; NaN while unknown."""

    mean: Floats
    variance: Floats

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity, {"mean": math.nan, "variance": VARIANCE})

    def bounds(self, rows: Ints) -> tuple[Floats, Floats]:
        """bit/s between which throughput still speaks of the same link; anything when unknown."""
        mean = self.mean[rows]
        margin = DEVIATIONS * np.sqrt(self.variance[rows] * mean)
        lower = np.where(np.isnan(mean), 0.0, np.maximum(mean - margin, 0.0))
        upper = np.where(np.isnan(mean), math.inf, mean + margin)
        return 1000.0 * lower, 1000.0 * upper

    def outgrown(self, rows: Ints, throughput: Floats) -> Floats:
        """Forgets what more than that has come through, bit/s; returns the means that are left."""
        mean = self.mean[rows]
        known = ~np.isnan(mean)
        if np.count_nonzero(known):
            margin = DEVIATIONS * np.sqrt(self.variance[rows] * mean)
            beyond = known & (throughput > 1000.0 * (mean + margin))
            mean[beyond] = math.nan
            self.mean[rows] = mean
        return mean

    def disproved(self, rows: Ints, rate: Floats) -> None:
        """Forgets what is less than a probe has shown to come through, bit/s."""
        self.forget(rows[rate > self.bounds(rows)[1]])

    def near(self, rate: Floats) -> Bools:
        """Where the rate of each of all rows is about what the link was seen to carry."""
        about: Bools = rate > NEAR * 1000.0 * self.mean
        return about

    def unknown(self) -> Bools:
        """Where no link was ever seen full, of all rows."""
        return np.isnan(self.mean)

    def forget(self, rows: Ints) -> None:
        self.mean[rows] = math.nan

    def overused(self, rows: Ints, throughput: Floats) -> None:
        """Learns what came through, bit/s, when more was sent than the link carries."""
        sample = throughput / 1000.0
        mean = self.mean[rows]
        mean = np.where(np.isnan(mean), sample, mean + SMOOTHING * (sample - mean))
        error = (mean - sample) ** 2 / np.maximum(mean, 1.0)
        variance = self.variance[rows]
        variance += SMOOTHING * (error - variance)
        self.mean[rows] = mean
        self.variance[rows] = within(variance, VARIANCE, VARIANCE_MOST)
