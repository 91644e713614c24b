"""Probe controller and application-limited detector of goog_cc; bit/s, seconds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

INIT, WAITING, COMPLETE = range(3)


class ApplicationLimited:
    """alr_detector.cc"""

    def __init__(self) -> None:
        self.limited = False
        self.since = self.ended_at = -math.inf
        self.budget = 0.0
        self.updated_at: float | None = None

    def update(self, now: float, bits: float, estimate: float) -> None:
        elapsed = 0.0 if self.updated_at is None else now - self.updated_at
        self.updated_at = now
        most = 0.65 * estimate * 0.5
        self.budget += 0.65 * estimate * elapsed - bits
        self.budget = min(max(self.budget, -most), most)
        if not self.limited and self.budget > 0.8 * most:
            self.limited, self.since = True, now
        elif self.limited and self.budget < 0.5 * most:
            self.limited, self.ended_at = False, now


def probe_result(send: float, receive: float) -> float:
    """probe_bitrate_estimator.cc: what a finished cluster says, 0 for nothing."""
    if send <= 0.0 or receive <= 0.0 or receive > 2.0 * send:
        return 0.0
    return 0.95 * receive if receive < 0.9 * send else min(send, receive)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A probe to be sent: 15 ms of its rate, five packets at least."""

    number: int
    bps: float
    size: int
    packets: int = 5


class ProbeController:
    """probe_controller.cc, with periodic probing while application limited."""

    def __init__(self) -> None:
        self.phase = INIT
        self.started_at = -math.inf
        self.further = math.inf
        self.estimate = 0.0
        self.dropped_at = -math.inf
        self.before_drop = 0.0
        self.drop_probed_at = -math.inf
        self.wanted = 0.0
        self.queue: list[float] = []
        self.number = 0

    def process(
        self,
        now: float,
        estimate: float,
        fit: bool,
        recovered: bool,
        application: ApplicationLimited,
        wanted: float,
        ceiling: float,
    ) -> None:
        if estimate < 0.66 * self.estimate:
            self.dropped_at, self.before_drop = now, self.estimate
        self.estimate = estimate
        if self.phase == INIT:
            self.initiate(now, [3.0 * estimate, 6.0 * estimate], wanted, ceiling)
            return
        if self.phase == WAITING:
            if fit and estimate > self.further:
                self.initiate(now, [2.0 * estimate], wanted, ceiling)
            elif now - self.started_at > 1.0:
                self.phase, self.further = COMPLETE, math.inf
        changed, self.wanted = wanted != self.wanted, wanted
        if self.phase != COMPLETE or not fit:
            return
        limited = application.limited
        rate = 0.85 * self.before_drop
        if changed and limited and estimate < min(wanted, ceiling):
            rates = [min(wanted, 2.0 * estimate), min(2.0 * wanted, 2.0 * estimate)]
            self.initiate(now, rates, wanted, ceiling, further=False)
        elif (
            recovered
            and (limited or now - application.ended_at < 3.0)
            and 0.95 * rate > estimate
            and now - self.dropped_at < 5.0
            and now - self.drop_probed_at > 5.0
        ):
            self.drop_probed_at = now
            self.initiate(now, [rate], wanted, ceiling, further=False)
        elif limited and max(application.since, self.started_at) + 5.0 <= now:
            self.initiate(now, [2.0 * estimate], wanted, ceiling)

    def initiate(
        self,
        now: float,
        rates: Sequence[float],
        wanted: float,
        ceiling: float,
        *,
        further: bool = True,
    ) -> None:
        most = min(ceiling, 2.0 * wanted) if wanted > 0.0 else ceiling
        self.queue = []
        for rate in rates:
            self.queue.append(min(rate, most))
            if rate >= most:
                further = False
                break
        self.started_at = now
        self.phase = WAITING if further else COMPLETE
        self.further = 0.7 * rates[-1] if further else math.inf

    def next_cluster(self) -> Cluster | None:
        """One per tick."""
        if not self.queue:
            return None
        rate = self.queue.pop(0)
        self.number = self.number % 0xFFFF + 1
        return Cluster(self.number, rate, int(rate * 0.015 / 8.0))
