"""Rows as a packet plane would write them: a fluid model of one path, random but realistic.

Capacity jumps, receivers jitter, packets are lost in a full queue and at random, publishers pause,
probes are answered. Not for measuring how good an estimator is: `sfu.bench.simulator` is.
"""

import random

import numpy as np

from sfu.bandwidth.rows import DELTA, FEEDBACK, PROBED, SILENT, TRANSPORT_WIDE, Records

TICK = 0.05
GROUP = 0.01


class Path:
    """One subscriber's path; `tick` says what came of sending at the rate that was allowed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.capacity = self.random.uniform(2e5, 6e6)
        self.round_trip = self.random.uniform(0.01, 0.3)
        self.jitter = self.random.choice((0.0, 0.001, 0.005))
        self.loss = self.random.choice((0.0, 0.0, 0.02, 0.08))
        self.usage = 1.0
        self.queue = 0.0
        self.arrived = 0.0
        self.clock = self.random.uniform(0.0, 1e6)
        self.late = 0.0
        self.number = 0

    def tick(
        self, now: float, target: float, probe: tuple[int, float] | None
    ) -> tuple[Records, Records]:
        """`probe` is number and bit/s of a cluster sent in this tick."""
        chance = self.random.random
        if chance() < 0.005:
            self.capacity = self.random.uniform(2e5, 6e6)
        if chance() < 0.01:
            self.usage = self.random.choice((0.0, 0.3, 0.6, 0.95, 1.0, 1.0, 1.0))
        rate = target * self.usage * self.random.uniform(0.8, 1.2)
        row = np.zeros(1, dtype=FEEDBACK)
        row["transport"] = self.number
        row["time_us"] = int(now * 1e6)
        sent = rate * TICK / 8.0
        row["sent_bytes"] = int(sent)
        if probe is not None and chance() < 0.3:
            self._answer(row, probe)
            return row, np.zeros(0, dtype=DELTA)
        if chance() < 0.02 or (sent < 100.0 and probe is None):
            row["flags"] = SILENT
            return row, np.zeros(0, dtype=DELTA)
        deltas = self._deltas(rate)
        lost = sum(chance() < self.loss for _ in range(8)) / 8.0 + max(self.queue - 0.3, 0.0)
        lost_bytes = int(sent * min(lost, 0.9))
        self.queue = min(self.queue, 0.3)
        self.arrived += (min(rate, self.capacity) - self.arrived) * 0.1
        row["flags"] = TRANSPORT_WIDE
        row["reports"] = 1
        row["last_sent_us"] = int((now - self.round_trip - self.queue) * 1e6) + 10_000_000
        row["acked_bytes"] = int(sent) - lost_bytes
        row["lost_bytes"] = lost_bytes
        row["throughput_bps"] = int(self.arrived)
        row["round_trip_us"] = int((self.round_trip + self.queue) * 1e6)
        row["delay_min_us"] = int(self.queue * 1e6)
        row["delay_max_us"] = int((self.queue + self.jitter) * 1e6)
        row["deltas"] = len(deltas)
        if probe is not None:
            self._answer(row, probe)
        return row, deltas

    def _answer(self, row: Records, probe: tuple[int, float]) -> None:
        row["flags"] |= PROBED
        row["probe"] = probe[0]
        row["probe_send_bps"] = int(probe[1])
        came = self.random.random() < 0.9
        row["probe_receive_bps"] = int(min(probe[1], self.capacity)) if came else 0

    def _deltas(self, rate: float) -> Records:
        deltas = np.zeros(self.random.randrange(2, 6), dtype=DELTA)
        for each in deltas:
            before = self.queue
            self.queue = max(self.queue + (rate - self.capacity) / self.capacity * GROUP, 0.0)
            late = self.random.uniform(0.0, self.jitter)
            arrival = GROUP + self.queue - before + late - self.late
            self.late = late
            self.clock += arrival
            each["send_delta_us"] = int(GROUP * 1e6)
            each["arrival_delta_us"] = int(arrival * 1e6)
            each["arrival_us"] = int(self.clock * 1e6)
            each["size"] = int(rate * GROUP / 8.0)
        return deltas
