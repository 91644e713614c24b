"""What simulations have shown, by scenario: rows of all seeds, ready to be measured."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sfu.bench.simulator.measures import BIN, Measures
from sfu.bench.simulator.packets import Floats, Ints
from sfu.bench.simulator.scenario import Scenario, Subscriber
from sfu.bench.simulator.simulation import Simulation

PASSES: Final = "pass"
MEDIAN_ONLY: Final = "median only"
FALLS_SHORT: Final = "falls short"
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Finding:
    """One measure of a bar: a value per row and seed, and what it should be."""

    bar: str
    measure: str
    values: Floats
    limit: float
    at_least: bool = False
    unit: str = "s"
    median_limit: float | None = None
    """When the median is held to something stricter than the 95th percentile."""

    @property
    def median(self) -> float:
        return float(np.median(self.values)) if len(self.values) else float("nan")

    @property
    def p95(self) -> float:
        """The value that 95 % of the rows are at least as good as."""
        if not len(self.values):
            return float("nan")
        quantile = 0.05 if self.at_least else 0.95
        return float(np.quantile(self.values, quantile, method="nearest"))

    @property
    def verdict(self) -> str:
        middle = self.limit if self.median_limit is None else self.median_limit
        if not self._good(self.median, middle):
            return FALLS_SHORT
        return PASSES if self._good(self.p95, self.limit) else MEDIAN_ONLY

    def _good(self, value: float, limit: float) -> bool:
        # Times are sums of bins: 350 ms may come out a bit more than that.
        return value >= limit - _ROUNDING if self.at_least else value <= limit + _ROUNDING


class Outcome:
    """Simulations that have run."""

    def __init__(self, simulations: Iterable[Simulation]) -> None:
        self._of: dict[str, tuple[Simulation, list[Ints], Scenario]] = {}
        for simulation in simulations:
            for case in simulation.cases:
                rows = self._of.setdefault(case.scenario.name, (simulation, [], case.scenario))[1]
                rows.append(case.rows)

    def __contains__(self, name: str) -> bool:
        return name in self._of

    def has(self, *names: str) -> bool:
        return all(name in self._of for name in names)

    def names(self, begin: str = "") -> list[str]:
        return [name for name in self._of if name.startswith(begin)]

    def scenario(self, name: str) -> Scenario:
        return self._of[name][2]

    def simulation(self, name: str) -> Simulation:
        return self._of[name][0]

    def rows(self, name: str) -> Ints:
        """All rows, (seeds, subscribers)."""
        return np.array(self._of[name][1])

    def flat(self, name: str) -> Ints:
        return self.rows(name).reshape(-1)

    def subscriber(self, name: str) -> Subscriber:
        return self.scenario(name).subscribers[0]

    def measures(self, name: str) -> Measures:
        return self._of[name][0].measures

    def column(self, name: str, column: str) -> Floats:
        """(bins of the scenario, rows)."""
        values: Floats = getattr(self.measures(name), column)
        return values[: round(self.scenario(name).seconds / BIN), self.flat(name)]

    def freezes(self, name: str, begin: float = 0.0) -> list[tuple[float, int, int, float]]:
        """(when it ended, row, slot, seconds) of freezes that ended after `begin`."""
        rows = set(self.flat(name).tolist())
        seconds = self.scenario(name).seconds
        events = self.simulation(name).playback.events
        return [each for each in events if each[1] in rows and begin < each[0] <= seconds]

    def frozen(self, name: str, begin: float = 0.0) -> Floats:
        """Seconds in freezes per row."""
        total = dict.fromkeys(self.flat(name).tolist(), 0.0)
        for _, row, _, length in self.freezes(name, begin):
            total[row] += length
        return np.array(list(total.values()))


def ratio(part: Floats, whole: Floats) -> Floats:
    """Element by element, 1 where there is nothing to be a part of."""
    return np.where(whole > 0, part / np.maximum(whole, 1e-9), 1.0)


def pooled(values: Sequence[Floats]) -> Floats:
    return np.concatenate(list(values)) if values else np.empty(0)
