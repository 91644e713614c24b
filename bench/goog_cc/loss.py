"""Loss-based control, version 2 of goog_cc (loss_based_bwe_v2.cc); bit/s, microseconds."""

import math
from dataclasses import dataclass

BY_DELAY, DECREASING, INCREASING = range(3)


@dataclass(frozen=True, slots=True)
class Observation:
    """Bytes sent and lost in 250 ms or more, and the rate."""

    size: float
    lost: float
    rate: float


class Loss:
    """Bandwidth and inherent loss by maximum likelihood over fifteen observations."""

    def __init__(self) -> None:
        self.observations: list[Observation] = []  # newest first
        self.count = 0
        self.ended_us = 0
        self.size = self.lost = 0.0
        self.state = BY_DELAY
        self.limit = math.inf
        self.bandwidth: float | None = None
        self.inherent = 0.01
        self.hold_until = -math.inf
        self.hold_for = 300_000.0
        self.hold_rate = math.inf
        self.window_at = -math.inf
        self.window_limit = math.inf
        self.padding_at = -math.inf
        self.padding_rate = 0.0

    def result(self) -> float:
        return self.limit if self.count >= 3 else math.inf

    def update(
        self,
        sent_us: int,
        arrived: float,
        lost: float,
        by_delay: float,
        throughput: float,
        idle: bool,
        most: float,
    ) -> None:
        self.size += arrived + lost
        self.lost += lost
        if not self.ended_us:
            self.ended_us = max(sent_us, 0)
            return
        duration = sent_us - self.ended_us
        if duration < 250_000 or self.size <= 0.0:
            return
        lost = min(max(self.lost, 0.0), self.size)
        self.observations.insert(0, Observation(self.size, lost, self.size * 8e6 / duration))
        del self.observations[15:]
        self.count += 1
        self.ended_us = sent_us
        self.size = self.lost = 0.0
        self.observe(by_delay, throughput, idle, most)

    def weighted(self) -> list[tuple[float, Observation]]:
        return [(0.9**age, each) for age, each in enumerate(self.observations)]

    def average(self) -> float:
        total = sum(w * o.size for w, o in self.weighted())
        lost = sum(w * o.lost for w, o in self.weighted())
        if len(self.observations) > 3:
            fractions = [o.lost / o.size for o in self.observations]
            worst = fractions.index(max(fractions))
            best = fractions.index(min(fractions))
            rates = sorted(o.rate for o in self.observations)
            if 2.0 * rates[len(rates) // 2] > self.observations[worst].rate:
                for at in {worst, best}:
                    weight, each = self.weighted()[at]
                    total -= weight * each.size
                    lost -= weight * each.lost
        return min(max(lost / total, 0.0), 1.0) if total > 1e-9 else 0.0

    def observe(self, by_delay: float, throughput: float, idle: bool, most: float) -> None:
        now = float(self.ended_us)
        average = self.average()
        held = by_delay if self.bandwidth is None else self.bandwidth
        limited = self.state != BY_DELAY
        candidates = [1.02 * held, held, 0.95 * held]
        if throughput > 0.0 and (not idle or self.padding_at + 2_000_000 >= now):
            candidates.append(throughput)
        if by_delay > held:
            candidates.append(by_delay)
        cap = max(held, self.window_limit if limited else math.inf)
        best, inherent = self.best([min(each, cap) for each in candidates], average)
        if average > inherent and best > held:
            best = held
        if limited:
            best = self.bound_growth(best, held, throughput, now)
        self.bandwidth, self.inherent = best, inherent
        self.conclude(by_delay, throughput, average, now, most)

    def best(self, candidates: list[float], average: float) -> tuple[float, float]:
        found, highest = (candidates[0], 0.001), -math.inf
        for bandwidth in candidates:
            inherent = self.newton(bandwidth)
            objective = self.objective(bandwidth, inherent, average)
            if objective > highest:
                found, highest = (bandwidth, inherent), objective
        return found

    def newton(self, bandwidth: float) -> float:
        most = min(0.05 + 100_000.0 / max(bandwidth, 1.0), 1.0)
        inherent = min(max(self.inherent, 0.001), most)
        first = second = 0.0
        for weight, each in self.weighted():
            p = probability(inherent, bandwidth, each.rate)
            first += weight * (each.lost / p - (each.size - each.lost) / (1.0 - p))
            second -= weight * (each.lost / p**2 + (each.size - each.lost) / (1.0 - p) ** 2)
        return min(max(inherent - 0.75 * first / min(second, -1e-6), 0.001), most)

    def objective(self, bandwidth: float, inherent: float, average: float) -> float:
        away = 0.20 - average
        factor = away / (0.002 + abs(away))
        kbps = bandwidth / 1000.0
        bias = factor * (0.0002 * kbps + 0.02 * math.log1p(kbps))
        result = 0.0
        for weight, each in self.weighted():
            p = probability(inherent, bandwidth, each.rate)
            came = each.size - each.lost
            likelihood = each.lost * math.log(p) + came * math.log(1.0 - p)
            result += weight * (likelihood + bias * each.size) / 1000.0
        return result

    def bound_growth(self, best: float, held: float, throughput: float, now: float) -> float:
        if math.isfinite(self.window_at) and self.window_at + 300_000 > now:
            best = min(best, self.window_limit)
        rising = best > held or (best == held and self.state == INCREASING)
        if rising and throughput > 0.0:
            in_hold = math.isfinite(self.hold_rate) and throughput < 1.3 * self.hold_rate
            best = max(held, min(best, (1.2 if in_hold else 1.5) * throughput))
            if self.state == DECREASING and best == held:
                best += 1.0
        return best

    def conclude(
        self, by_delay: float, throughput: float, average: float, now: float, most: float
    ) -> None:
        assert self.bandwidth is not None
        instant = 100_000.0 / (average - 0.05) if average > 0.05 else math.inf
        bounded = max(throughput, min(self.bandwidth, instant, by_delay))
        if bounded < self.bandwidth:
            self.bandwidth, self.inherent = bounded, 0.0
        if self.state == DECREASING and self.hold_until > now and bounded < by_delay:
            self.hold_rate = max(throughput, self.hold_rate)
            self.limit = min(self.hold_rate, bounded)
        else:
            self.turn(bounded, by_delay, now, most)
        if self.state != BY_DELAY and not self.window_at + 300_000 >= now:
            self.window_limit = max(1.3 * self.bandwidth, 5_000.0)
            self.window_at = now

    def turn(self, bounded: float, by_delay: float, now: float, most: float) -> None:
        rising = self.state != BY_DELAY and (
            self.limit < bounded or (self.limit == bounded and self.state == INCREASING)
        )
        padding = (
            self.state != INCREASING
            or self.padding_at + 2_000_000 >= now
            or self.padding_rate < bounded
        )
        if bounded >= min(by_delay, most):
            self.hold_until, self.hold_for, self.hold_rate = -math.inf, 300_000.0, math.inf
            self.padding_rate, self.padding_at = 0.0, -math.inf
            self.state, self.limit = BY_DELAY, math.inf
            return
        if rising and padding:
            if bounded > self.padding_rate:
                self.padding_rate, self.padding_at = bounded, now
            self.state = INCREASING
        else:
            if self.state != DECREASING:
                self.hold_until = now + self.hold_for
                self.hold_for = min(2.0 * self.hold_for, 60_000_000.0)
                self.hold_rate = bounded
            self.padding_rate, self.padding_at = 0.0, -math.inf
            self.state = DECREASING
        self.limit = bounded


def probability(inherent: float, bandwidth: float, rate: float) -> float:
    """Of loss, when `rate` is sent over a path of that bandwidth."""
    over = max(rate - bandwidth, 0.0) / max(rate, 1.0)
    return min(max(inherent + (1.0 - inherent) * over, 1e-6), 1.0 - 1e-6)
