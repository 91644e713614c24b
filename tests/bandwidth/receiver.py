"""One receiver that climbs its staircase while its path changes."""

import math

import numpy as np

from sfu.bandwidth.allocator import Allocator
from sfu.bandwidth.estimator import NORMAL
from sfu.bandwidth.rows import Ints
from sfu.bandwidth.staircase import Demand, Layer, Staircase, staircase

CAMERA = (Layer(150_000, 180), Layer(450_000, 360), Layer(1_250_000, 720))
BARELY = 1_420_000
"""5 % more than the highest layer of a single camera costs."""
ROW = np.array([0])
TICK = 0.05


def stairs(
    *names: str, ceiling: float = 4_000_000, layers: tuple[Layer, ...] = CAMERA
) -> Staircase:
    return staircase([Demand(name, layers) for name in names], audio=64_000, ceiling=ceiling)


class Path:
    """One receiver; `now` moves with `hold`."""

    def __init__(self, made: Staircase, target: float) -> None:
        self.allocator = Allocator(1)
        self.now = 100.0
        self.made = made
        self.target = target
        self.state = NORMAL
        self.queue_us = 0.0
        self.arriving: float | None = None
        """bit/s; None for all that the path carries."""
        self.shown = math.inf
        self.levels: list[int] = []
        self.allocator.assign(ROW, made)

    def tick(self) -> Ints:
        self.now += TICK
        self.levels.append(self.level)
        return self.allocator.tick(
            self.now, np.array([self.target]),
            np.array([self.target if self.arriving is None else self.arriving]),
            np.array([self.state]), np.array([self.queue_us]), np.array([self.shown]),
        )  # fmt: skip

    def hold(self, seconds: float, target: float | None = None) -> int:
        """The level after so many seconds with this target."""
        self.target = self.target if target is None else target
        for _ in range(round(seconds / TICK)):
            self.tick()
        return self.level

    def creep(self, target: float) -> int:
        """As an estimate grows without probes: 8 % a second."""
        while self.target < target:
            self.target = min(target, self.target * (1 + 0.08 * TICK))
            self.tick()
        return self.level

    @property
    def level(self) -> int:
        return int(self.allocator.level[0])
