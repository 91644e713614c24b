"""The control plane's part: production estimator and allocator between feedback and layers."""

import math
from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np

from sfu.allocation import descent_between
from sfu.bandwidth.allocator import Allocator
from sfu.bandwidth.estimator import OVERUSE, Estimator
from sfu.bandwidth.rows import Records
from sfu.bandwidth.staircase import Staircase
from sfu.bench.simulator.media import Sources
from sfu.bench.simulator.pacer import AUDIO_RATE, Pacer
from sfu.bench.simulator.packets import HEADERS, PAYLOAD, Floats, Ints
from sfu.bench.simulator.scenario import Scenario, moments, stairs
from sfu.bench.simulator.slots import Slots
from sfu.receiver import Descent

CLOCK: Final = 1000.0
"""What the monotonic clock shows when a simulation starts."""


class Control:
    """Rows become transports when they join; from then on each tick advances all of them."""

    def __init__(
        self,
        scenarios: Sequence[tuple[Scenario, int]],
        slots: Slots,
        sources: Sources,
        estimator: Estimator,
        start: float,
    ) -> None:
        """`scenarios` has, per row, the scenario and the index of the subscriber in it."""
        self._of = scenarios
        self._slots, self._sources = slots, sources
        self.estimator, self.allocator = estimator, Allocator()
        self._start_rate = start
        rows = len(scenarios)
        each = [scenario.subscribers[index] for scenario, index in scenarios]
        self._join = np.array([one.start for one in each])
        self._elastic = np.array([one.elastic for one in each])
        self._ceiling = np.array([one.ceiling for one in each])
        self._sound = np.array([one.audio for one in each]) * AUDIO_RATE
        self.dense = np.full(rows, -1)
        """Row of the estimator's columns, -1 before joining."""
        self._row = np.full(rows, -1)
        """The other way round."""
        self._repairs = np.zeros(rows)
        self._next_stairs = np.full(rows, math.inf)
        self._coming = [
            moments(one, scenario.sources)
            for one, (scenario, _) in zip(each, scenarios, strict=True)
        ]
        self._paused = [one.paused for one in each]
        self._stairs = cache(_stairs)
        shape = slots.source.shape
        self.wished_spatial = np.full(shape, -1)
        """Layers at the top of each row's staircase."""
        self.overuses = np.zeros(rows, dtype=np.int64)
        self._was_over = np.zeros(rows, dtype=bool)
        self.changed: list[tuple[int, int, bool]] = []
        """(row, steps up or down, whether a spatial layer changed) of what the allocator has
        decided since this was last emptied."""
        self._level = np.zeros(rows, dtype=np.int64)

    def tick(self, time: float, feedback: Records, deltas: Records, pacer: Pacer) -> None:
        """Takes what the plane reports at `time`, tells pacer and slots what to do."""
        now = CLOCK + time
        self._let_in(time, now)
        self._restage(time)
        self._demand(now, time)
        rates = self.estimator.tick(now, feedback, deltas)
        pacer.obey(rates["transport"].astype(np.int64) - 1, rates, time)
        columns = self.estimator
        moved = self.allocator.tick(
            now,
            columns.target,
            columns.throughput,
            columns.state,
            columns.queue_us,
            columns.shown,
        )
        for dense in moved.tolist():
            self._show(int(self._row[dense]), scarce=True)
        over = np.zeros(len(self.dense), dtype=bool)
        here = self.dense >= 0
        over[here] = columns.state[self.dense[here]] == OVERUSE
        self.overuses += over & ~self._was_over
        self._was_over = over

    def note_repairs(self, feedback: Records) -> None:
        """Learns which part of what rows send is repairs; encoders send that much less (libwebrtc
        FecControllerDefault::UpdateFecRates)."""
        row = feedback["transport"].astype(np.int64) - 1
        repairs = feedback["sent_rtx_bytes"].astype(np.float64)
        total = repairs + feedback["sent_bytes"]
        part = np.minimum(repairs / np.maximum(total, 1.0), _MOST_REPAIRS)
        self._repairs[row] += _REPAIRS_GAIN * (part - self._repairs[row])

    def column(self, values: Floats | Ints) -> Floats:
        """A column of estimator or allocator by row; 0 for those who have not joined."""
        inside = (self.dense >= 0) & (self.dense < len(values))
        out = np.zeros(len(self.dense))
        out[inside] = values[self.dense[inside]]
        return out

    def _let_in(self, time: float, now: float) -> None:
        for row in np.flatnonzero((self.dense < 0) & (self._join <= time)).tolist():
            self.estimator.add(
                row + 1, now, start=self._start_rate, ceiling=float(self._ceiling[row])
            )
            dense = int(self.estimator.rows_of(np.array([row + 1]))[0])
            self.dense[row], self._row[dense] = dense, row
            if self._elastic[row]:
                self._slots.set_target(*(np.array([value]) for value in (row, 0, 0, 7)))
                self.wished_spatial[row, 0] = 0
            else:
                self._next_stairs[row] = time

    def _restage(self, time: float) -> None:
        """New staircases for those who look at something else, or whose publisher has changed."""
        for row in np.flatnonzero(self._next_stairs <= time).tolist():
            staircase = self._stairs(*self._of[row], time)
            self.allocator.assign(np.array([self.dense[row]]), staircase)
            for slot in range(self.wished_spatial.shape[1]):
                end = staircase.ends.get(str(slot))
                self.wished_spatial[row, slot] = -1 if end is None else end.aim.spatial
            self._show(row)
            later = [at for at in self._coming[row] if at > time]
            self._next_stairs[row] = later[0] if later else math.inf

    def _show(self, row: int, *, scarce: bool = False) -> None:
        staircase = self.allocator.staircase_of(int(self.dense[row]))
        if staircase is None:
            return
        level = int(self.allocator.level[self.dense[row]])
        aims, descent = staircase.aims(level), Descent.AS_IT_WAS
        if scarce:
            descent = descent_between(staircase, int(self._level[row]), level)
        before = self._slots.target_spatial[row].copy()
        for slot in range(len(before)):
            aim = aims.get(str(slot))
            spatial, temporal = (-1, 7) if aim is None else aim
            told = self._slots.target_spatial[row, slot], self._slots.target_temporal[row, slot]
            if told == (spatial, temporal):
                continue
            here = (np.array([value]) for value in (row, slot, spatial, temporal))
            self._slots.set_target(*here, descent=descent)
        other = bool((self._slots.target_spatial[row] != before).any())
        self.changed.append((row, level - int(self._level[row]), other))
        self._level[row] = level

    def _demand(self, now: float, time: float) -> None:
        here = np.flatnonzero(self.dense >= 0)
        layered = here[self._elastic[here] == 0]
        if len(layered):
            dense = self.dense[layered]
            parts = self.allocator.demand(dense, now)
            names = ("allocated", "next_step", "wanted", "ceiling")
            self.estimator.demand(dense, **dict(zip(names, parts, strict=True)))
        elastic = here[self._elastic[here] > 0]
        if len(elastic):
            self._encode(elastic, time)

    def _encode(self, rows: Ints, time: float) -> None:
        """Elastic pictures take what is left of the target."""
        dense = self.dense[rows]
        away = np.array(
            [any(begin <= time < end for begin, end in self._paused[row]) for row in rows.tolist()]
        )
        sound, ceiling = self._sound[rows], self._ceiling[rows]
        most = np.where(away, 0.0, self._elastic[rows])
        target = self.estimator.target[dense]
        left = (target - sound) * (1.0 - self._repairs[rows])
        video = np.clip(left, np.minimum(_LEAST_VIDEO, most), most)
        # Of what goes over the wire a part is headers.
        self._sources.set_rate(self._slots.source[rows, 0], video * PAYLOAD / (PAYLOAD + HEADERS))
        self.estimator.demand(
            dense,
            allocated=video + sound,
            next_step=np.minimum(video * _ELASTIC_STEP, most) + sound,
            wanted=most + sound,
            ceiling=ceiling,
        )


def _stairs(scenario: Scenario, index: int, time: float) -> Staircase:
    return stairs(scenario.subscribers[index], scenario.sources, time)


_LEAST_VIDEO: Final = 50_000.0
_MOST_REPAIRS: Final = 0.5
_REPAIRS_GAIN: Final = 0.1
"""Per report of 50 ms, so half a second."""
_ELASTIC_STEP: Final = 1.2
"""What counts as the next step of a picture that has none."""
