"""Delay-based control as goog_cc has it: trendline, adaptive threshold, AIMD, link capacity."""

import math
from collections import deque
from collections.abc import Sequence

NORMAL, OVERUSE, UNDERUSE = range(3)
HOLD, INCREASE, DECREASE = range(3)

Delta = tuple[float, float, float]
"""send delta, arrival delta, arrival time; milliseconds"""


class Trendline:
    """trendline_estimator.cc"""

    def __init__(self) -> None:
        self.count = 0
        self.first_arrival: float | None = None
        self.accumulated = 0.0
        self.smoothed = 0.0
        self.history: deque[tuple[float, float]] = deque(maxlen=20)
        self.threshold = 12.5
        self.previous_trend = 0.0
        self.over_ms = -1.0
        self.over_count = 0
        self.updated_at: float | None = None
        self.state = NORMAL

    def update(self, send_delta: float, arrival_delta: float, arrival: float) -> None:
        self.count = min(self.count + 1, 1000)
        if self.first_arrival is None:
            self.first_arrival = arrival
        self.accumulated += arrival_delta - send_delta
        self.smoothed = 0.9 * self.smoothed + 0.1 * self.accumulated
        self.history.append((arrival - self.first_arrival, self.smoothed))
        trend = self.previous_trend
        if len(self.history) == 20:
            trend = slope(self.history, trend)
        self.detect(trend, send_delta, arrival)

    def detect(self, trend: float, send_delta: float, now: float) -> None:
        if self.count < 2:
            return
        modified = min(self.count, 60) * trend * 4.0
        if modified > self.threshold:
            self.over_ms = send_delta / 2.0 if self.over_ms == -1.0 else self.over_ms + send_delta
            self.over_count += 1
            if self.over_ms > 10.0 and self.over_count > 1 and trend >= self.previous_trend:
                self.over_ms = 0.0
                self.over_count = 0
                self.state = OVERUSE
        else:
            self.over_ms = -1.0
            self.over_count = 0
            self.state = UNDERUSE if modified < -self.threshold else NORMAL
        self.previous_trend = trend
        self.adapt(abs(modified), now)

    def adapt(self, size: float, now: float) -> None:
        if self.updated_at is None:
            self.updated_at = now
        if size <= self.threshold + 15.0:
            gain = 0.039 if size < self.threshold else 0.0087
            elapsed = min(max(now - self.updated_at, 0.0), 100.0)
            self.threshold += gain * (size - self.threshold) * elapsed
            self.threshold = min(max(self.threshold, 6.0), 600.0)
        self.updated_at = now


def slope(points: Sequence[tuple[float, float]], otherwise: float) -> float:
    """Of the least squares line."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    below = sum((x - mean_x) ** 2 for x, _ in points)
    if below <= 0.0:
        return otherwise
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / below


class LinkCapacity:
    """link_capacity_estimator.cc; kbit/s inside, bit/s outside."""

    def __init__(self) -> None:
        self.mean: float | None = None
        self.variance = 0.4

    def margin(self) -> float:
        return 3.0 * math.sqrt(self.variance * self.mean) if self.mean is not None else 0.0

    def upper(self) -> float:
        return 1000.0 * (self.mean + self.margin()) if self.mean is not None else math.inf

    def lower(self) -> float:
        return 1000.0 * max(0.0, self.mean - self.margin()) if self.mean is not None else 0.0

    def overused(self, throughput: float) -> None:
        sample = throughput / 1000.0
        self.mean = sample if self.mean is None else 0.95 * self.mean + 0.05 * sample
        error = self.mean - sample
        self.variance = 0.95 * self.variance + 0.05 * error**2 / max(self.mean, 1.0)
        self.variance = min(max(self.variance, 0.4), 2.5)


class Aimd:
    """aimd_rate_control.cc and the part of delay_based_bwe.cc that calls it; bit/s, seconds."""

    def __init__(self, start: float, now: float) -> None:
        self.rate = start
        self.throughput = 0.0
        self.round_trip = 0.2
        self.phase = HOLD
        self.changed_at = now
        self.link = LinkCapacity()

    def update(self, now: float, state: int, throughput: float, probed: float) -> None:
        if state == OVERUSE:
            if throughput > 0.0:
                if self.time_to_reduce(now, throughput):
                    self.decrease(now, throughput)
            elif now - self.changed_at >= 0.2:
                self.set_rate(self.rate / 2.0, now)
        elif probed > 0.0:
            self.set_rate(probed, now)
            self.throughput = throughput or self.throughput
        elif state == UNDERUSE:
            self.throughput = throughput or self.throughput
            self.phase = HOLD
        else:
            self.throughput = throughput or self.throughput
            if self.phase == HOLD:
                self.phase = INCREASE
                self.changed_at = now
            self.increase(now)

    def set_rate(self, rate: float, now: float) -> None:
        self.rate = max(rate, 5_000.0)
        self.changed_at = now

    def time_to_reduce(self, now: float, throughput: float) -> bool:
        interval = min(max(self.round_trip, 0.01), 0.2)
        return now - self.changed_at >= interval or throughput < 0.5 * self.rate

    def increase(self, now: float) -> None:
        if self.throughput > self.link.upper():
            self.link = LinkCapacity()
        limit = 1.5 * self.throughput + 10_000.0
        elapsed = now - self.changed_at
        if self.rate < limit:
            if self.link.mean is None:
                growth = self.rate * (1.08 ** min(elapsed, 1.0) - 1.0)
                raised = self.rate + max(growth, 1000.0)
            else:
                raised = self.rate + self.additive() * elapsed
            self.rate = max(min(raised, limit), 5_000.0)
        self.changed_at = now

    def additive(self) -> float:
        frame = self.rate / 30.0
        packet = frame / math.ceil(frame / 9600.0)
        return max(4_000.0, packet / (2.0 * (self.round_trip + 0.1)))

    def decrease(self, now: float, throughput: float) -> None:
        self.throughput = throughput
        lowered = 0.85 * throughput
        if lowered > 5_000.0:
            lowered -= 5_000.0
        if lowered > self.rate and self.link.mean is not None:
            lowered = 0.85 * 1000.0 * self.link.mean
        if throughput < self.link.lower():
            variance = self.link.variance
            self.link = LinkCapacity()
            self.link.variance = variance
        self.link.overused(throughput)
        self.rate = max(min(lowered, self.rate), 5_000.0)
        self.phase = HOLD
        self.changed_at = now
