"""The loop: publishers, pacers, links, receivers, feedback, estimator and allocator in turn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sfu.bandwidth.estimator import Estimator
from sfu.bandwidth.tuning import Tuning
from sfu.bench.simulator.control import Control
from sfu.bench.simulator.cross_traffic import CubicFlows, Flow, ReverseMedia
from sfu.bench.simulator.history import History
from sfu.bench.simulator.link import Courses, Links, Paths
from sfu.bench.simulator.measures import BIN, Measures
from sfu.bench.simulator.media import Frames, Source, Sources
from sfu.bench.simulator.pacer import Pacer
from sfu.bench.simulator.packets import (
    HEADERS,
    OVERHEAD,
    PAYLOAD,
    REPAIR,
    STEP,
    VIDEO,
    Ints,
    Packets,
)
from sfu.bench.simulator.playback import Playback
from sfu.bench.simulator.repair import AUDIO_REPAIR, Repairs
from sfu.bench.simulator.scenario import Scenario, Subscriber
from sfu.bench.simulator.slots import Slots
from sfu.bench.simulator.stale import STALE_PICTURE, STALLED, stale
from sfu.bench.trace import Direction
from sfu.weights import FIRST, OTHERS


@dataclass(frozen=True, slots=True)
class Case:
    """Rows of one scenario and seed."""

    scenario: Scenario
    seed: int
    rows: Ints


class Simulation:
    """Scenarios and seeds side by side: all their subscribers are rows of the same arrays."""

    def __init__(
        self,
        scenarios: Sequence[Scenario],
        seeds: int,
        tuning: Tuning | None = None,
        start: float = 300_000.0,
    ) -> None:
        generator = np.random.default_rng(len(scenarios) * 1000 + seeds)
        self.cases: list[Case] = []
        subscribers: list[Subscriber] = []
        sources: list[Source] = []
        links: list[Direction] = []
        flows: list[Flow] = []
        views, ways, reverse = [], [], []
        for scenario in scenarios:
            for seed in range(seeds):
                shared: dict[int, int] = {}
                first, base = len(subscribers), len(sources)
                for each in scenario.subscribers:
                    link = shared.get(each.link) if each.link >= 0 else None
                    if link is None:
                        link = len(links)
                        links.append(each.down)
                        shared[each.link] = link
                    ways.append(link)
                    views.append([base + view.source for view in each.views])
                    reverse.append(scenario.reverse)
                subscribers += scenario.subscribers
                sources += scenario.sources
                for index, begin, idle in scenario.flows:
                    each = scenario.subscribers[index]
                    trip = each.down.delay[0][1] + each.up.delay[0][1]
                    flows.append(Flow(ways[first + index], begin, scenario.seconds, trip, idle))
                rows = np.arange(first, len(subscribers))
                self.cases.append(Case(scenario, seed, rows))
        self.subscribers = subscribers
        self.seconds = max(each.seconds for each in scenarios)
        self.link = np.array(ways)
        self.links = Links(links)
        self.paths = Paths(
            [each.down for each in subscribers], [each.bursts for each in subscribers], generator
        )
        none = [(0.0, 0.0)] * len(subscribers)
        ups = [each.up for each in subscribers]
        self.back = Paths(ups, none, generator)
        self.back_links = Links(ups)
        self._back_loss = Courses([each.loss for each in ups])
        self._reverse = ReverseMedia(np.array(reverse), ups)
        self.flows = CubicFlows(flows, generator)
        self.sources = Sources(sources, generator)
        self.slots = Slots(views)
        audio = np.array([each.audio for each in subscribers])
        self.pacer = Pacer(audio, _weights(subscribers, self.slots.source.shape), generator)
        self._shape = (len(subscribers), max(self.slots.source.shape[1], int(audio.max())))
        self.repairs = Repairs(self._shape, generator)
        self.playback = Playback(self.slots.source.shape)
        self.history = History(len(subscribers), generator)
        self.control = Control(
            [(case.scenario, index) for case in self.cases for index in range(len(case.rows))],
            self.slots,
            self.sources,
            Estimator(len(subscribers), tuning),
            start,
        )
        self.measures = Measures(self.seconds, len(subscribers))
        self._started = np.array([each.start for each in subscribers])
        self._round_trip = np.zeros(len(subscribers))

    def run(self, progress: Callable[[float], None] | None = None) -> Measures:
        """All of it; `progress` is told the part that is done."""
        steps = round(self.seconds / STEP)
        for number in range(steps):
            self.step(number)
            if progress is not None and number % 200 == 0:
                progress(number / steps)
        return self.measures

    def step(self, number: int) -> None:
        """The next 5 ms."""
        time = number * STEP
        if number % _LOOK == 0:
            self._look(time)
        if number % _TICK == 0:
            self._tick(time, number)
        frames = self.sources.step(time)
        forwarded = self.slots.forward(frames)
        self.playback.expect(forwarded)
        self._repair(time)
        index, size = forwarded.packetise()
        row, slot, frame = (
            part[index] for part in (forwarded.row, forwarded.slot, forwarded.number)
        )
        self.pacer.video.push(row, size, slot, frame, time)
        for *layer, falls, ended in self.slots.switched:
            self.pacer.video.begin(*layer)
            if falls:
                self._skip_to(*layer)
            elif ended:
                self._forget(*layer)
        packets = self.pacer.step(time)
        for begun in self.pacer.video.started:
            self._forget(*begun)
        # Who has not joined is sent nothing, not even sound.
        packets = packets.take(self._started[packets.row] <= time)
        for each in self.pacer.ended:
            self.history.probes.end(*each, time)
        self.pacer.ended.clear()
        self._transmit(packets, time)
        self.history.record(packets)
        is_audio = packets.slot >= AUDIO_REPAIR
        video = (packets.kind == VIDEO) | ((packets.kind == REPAIR) & ~is_audio)
        self.playback.arrive(packets, video)
        self.repairs.note(packets, self._round_trip)
        row, slot = self.playback.step(time)
        if len(row):
            layer = np.maximum(self.slots.spatial[row, slot], 0)
            self.sources.want(self.slots.source[row, slot], layer)
        self._offer(frames, time)
        self.measures.note_packets(packets, is_audio, time)
        self.measures.note_probes(packets)
        self._feed_back(time)
        if number % _PER_BIN == _PER_BIN - 1:
            self._sample(time)

    def _transmit(self, packets: Packets, time: float) -> None:
        """Through the links, together with cross traffic, and along the paths."""
        cross = self.flows.step(time) if len(self.flows) else Packets()
        link = np.concatenate([self.link[packets.row], self.flows.link[cross.row]])
        size = np.concatenate([packets.size, cross.size])
        at = np.concatenate([packets.sent, cross.sent])
        leaves = self.links.offer(link, size, at)
        count = len(packets)
        rate = self.links.rate(time)[self.link[packets.row]]
        rate = np.maximum(rate, _SLOWEST)
        packets.wait = np.maximum(
            leaves[:count] - packets.sent - (packets.size + OVERHEAD) / rate, 0.0
        )
        packets.arrival = self.paths.cross(packets.row, leaves[:count], time)
        if len(cross):
            self.flows.learn(cross, leaves[count:], self.links.wait(time), time)

    def _repair(self, time: float) -> None:
        up = self.back.delay(time) + self.back_links.wait(time)
        due = self.repairs.due(time, up, self._back_loss.now(time))
        if not len(due):
            return
        order = np.argsort(due.row, kind="stable")
        slot = due.slot + np.where(due.is_audio, AUDIO_REPAIR, 0)
        self.pacer.repairs.push(
            due.row[order], due.size[order], slot[order], due.frame[order], time
        )

    def _feed_back(self, time: float) -> None:
        """Receivers' reports set out, through their own uplinks."""
        rows, at = self.history.report(time)
        if len(rows):
            leaves = self.back_links.offer(rows, np.full(len(rows), _REPORT), at)
            self.history.deliver(self.back.cross(rows, leaves, time))
        self._reverse.step(self.back_links, time)

    def _look(self, time: float) -> None:
        """What the packet plane learns and does by itself."""
        self.history.hear(time)
        self.pacer.throughput[:] = self.history.throughput.bps
        self.pacer.is_clear = self.history.above_base <= _CLEAR
        stale = time - self.pacer.ordered_at > _STALE_ORDER
        self.pacer.braked = self.history.is_silent(time) | (self.history.is_late() & stale)
        self._drop_stale(time)
        self.slots.ask(self.sources)
        wait = self.links.wait(time)[self.link]
        self._round_trip = self.paths.delay(time) + self.back.delay(time) + wait

    def _tick(self, time: float, number: int) -> None:
        """Feedback up, decisions down."""
        self.history.at_leisure = self.pacer.at_leisure
        feedback, deltas = self.history.take(
            time,
            self.pacer.queued(time),
            urgent_only=number % _ALL != 0,
            leisurely_too=number % _LEISURELY == 0,
        )
        self.control.note_repairs(feedback)
        self.control.tick(time, feedback, deltas, self.pacer)
        self._obey()

    def _drop_stale(self, time: float) -> None:
        """Pictures that have waited long give way to a keyframe behind them, or ask for one."""
        age = self.pacer.video.oldest(time)
        width = self.slots.source.shape[1]
        for row in np.flatnonzero(age > STALE_PICTURE).tolist():
            for slot, frame in stale(self.pacer.video, row, width, time, self.playback.is_key):
                layer = max(int(self.slots.spatial[row, slot]), 0)
                if frame is not None:
                    self._skip_to(row, slot, frame)
                elif age[row] > STALLED:
                    self.sources.want(self.slots.source[row, slot], np.array(layer))

    def _skip_to(self, row: int, slot: int, frame: int) -> None:
        """What waits before that keyframe is left out."""
        waiting, _ = self.pacer.video.entries(row, slot)
        self._leave_out(row, slot, waiting[waiting < frame])
        self.pacer.video.begin(row, slot, frame)
        self._forget(row, slot, frame)

    def _forget(self, row: int, slot: int, frame: int) -> None:
        """Nothing before this frame is repaired any more: a new stream began with it."""
        self.repairs.forget(row, slot, frame)
        self.pacer.drop_repairs(row, slot, frame)

    def _leave_out(self, row: int, slot: int, frames: Ints) -> None:
        self.pacer.video.leave_out(row, slot, frames)
        self.playback.drop(row, slot, frames)

    def _obey(self) -> None:
        """What is not to pass any more does not wait any longer: the plane chooses when it sends.
        A frame that has begun goes on, but for one of a layer that has ended."""
        for row, slot, temporal in self.slots.left_out:
            if temporal < 0:
                self._leave_out(row, slot, self.pacer.video.entries(row, slot)[0])
                continue
            waiting = self.pacer.video.waiting(row, slot)
            above = self.playback.temporal(row, slot, waiting) > temporal
            self._leave_out(row, slot, waiting[above])
        self.slots.left_out.clear()

    def _offer(self, frames: Frames, time: float) -> None:
        """Bytes of the best layers that each row may have."""
        row, slot = self.slots.row, self.slots.slot
        wished = self.control.wished_spatial[row, slot]
        at = np.full(int(self.slots.of.max(initial=-1)) + 1, -1)
        at[frames.source] = np.arange(len(frames.source))
        index = at[self.slots.of]
        some = (index >= 0) & (wished >= 0)
        size = frames.size[index[some], wished[some]]
        wire = size + -(-size // PAYLOAD) * (HEADERS + OVERHEAD)
        self.measures.offered[int(time / BIN)] += np.bincount(
            row[some], wire, len(self.subscribers)
        )

    def _sample(self, time: float) -> None:
        """What holds at the end of a bin."""
        measures, control = self.measures, self.control
        at = int(time / BIN)
        measures.target[at] = control.column(control.estimator.target)
        measures.state[at] = control.column(control.estimator.state)
        measures.cost[at] = control.column(control.allocator.cost)
        measures.queue[at] = self.links.wait(time)[self.link]
        slots, wished = self.slots, control.wished_spatial
        # What its user does not look at is not frozen.
        self.playback.pause(*np.nonzero(wished < 0))
        measures.layers[at] = (slots.spatial + 1).sum(axis=1)
        measures.best_layers[at] = (wished + 1).sum(axis=1)
        measures.paused[at] = ((wished >= 0) & (slots.target_spatial < 0)).sum(axis=1)
        measures.upgraded[at] = (slots.target_spatial > 0).sum(axis=1)
        measures.levels += [(time, *each) for each in control.changed]
        control.changed.clear()


def _weights(subscribers: Sequence[Subscriber], shape: tuple[int, int]) -> Ints:
    """Of slots: the screen's and the speaker's have the larger share (`sfu.weights`)."""
    weights = np.full(shape, OTHERS)
    for row, each in enumerate(subscribers):
        weights[row, : len(each.views)] = [
            FIRST if view.priority else OTHERS for view in each.views
        ]
    return weights


_LOOK: Final = 5
_TICK: Final = 10
"""Steps between two ticks of the estimator: 50 ms, ..."""
_ALL: Final = 4 * _TICK
"""... of which each fourth takes all rows, the others those that do not bear waiting."""
_LEISURELY: Final = 5 * _ALL
"""... and each twentieth the rows that may wait for longest, too."""
_REPORT: Final = 90
"""Bytes of a receiver's feedback packet."""
_CLEAR: Final = 0.015
"""Seconds above the base that count as no queue."""
_STALE_ORDER: Final = 0.1
_SLOWEST: Final = 12_500.0
"""Bytes per second that waits are reckoned with when the link stands still."""
_PER_BIN: Final = round(BIN / STEP)
