"""What a simulation is made of: subscribers, what they watch, the links between."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sfu.bandwidth.staircase import Demand, Layer, Staircase, staircase
from sfu.bench.simulator.media import Kind, Source, wire_rate
from sfu.bench.simulator.pacer import AUDIO_RATE
from sfu.bench.trace import Direction, value_at

HEIGHTS = (180, 360, 720)
SCREEN_PRIORITY = 100
SPEAKER_PRIORITY = 50
MEASURED = 1.0
"""Seconds until a layer's rate has been measured anew."""


@dataclass(frozen=True, slots=True)
class View:
    """A slot of a subscriber: `source` is an index into the scenario's sources."""

    source: int
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One row: a path of its own through a link that it may share."""

    down: Direction
    up: Direction
    views: tuple[View, ...]
    audio: int = 1
    """Microphones that it hears."""
    link: int = -1
    """Subscribers with the same number of 0 or more share a bottleneck, the first one's."""
    start: float = 0.0
    ceiling: float = math.inf
    paused: tuple[tuple[float, float], ...] = ()
    """(from, to) without any picture, as its user wants."""
    bursts: tuple[float, float] = (0.0, 0.0)
    """Gilbert-Elliott: fraction of time and mean seconds of the bad state."""
    elastic: float = 0.0
    """Most bit/s of a picture that is encoded at whatever rate there is; 0 for layers."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Subscribers that are simulated together, once per seed."""

    name: str
    seconds: float
    sources: tuple[Source, ...]
    subscribers: tuple[Subscriber, ...]
    flows: tuple[tuple[int, float, float], ...] = ()
    """Cubic flows: (index of a subscriber whose link it shares, start, mean idle seconds)."""
    reverse: bool = False
    """Whether subscribers send video of their own, which delays their feedback."""
    disturbed: tuple[float, ...] = field(default=())
    """Times of what the scenario is about, for plots and measures."""

    def lasting(self, seconds: float) -> "Scenario":
        """The same, no longer than that."""
        return replace(self, seconds=min(self.seconds, seconds))


def stairs(subscriber: Subscriber, sources: Sequence[Source], time: float) -> Staircase:
    """What a subscriber may climb at that time; `sources` by the indices of its views."""
    audio = subscriber.audio * AUDIO_RATE
    demands = []
    for number, view in enumerate(subscriber.views):
        source = sources[view.source]
        rates = known_layers(source, time)
        layers = tuple(
            Layer(round(wire_rate(rate, source.fps)), HEIGHTS[index], 3)
            for index, rate in enumerate(rates)
            if rate > 0
        )
        is_away = any(begin <= time < end for begin, end in subscriber.paused)
        if layers and not is_away:
            detail = source.kind is Kind.SCREEN
            demands.append(Demand(str(number), layers, None, view.priority, number, detail))
    return staircase(demands, audio=audio, ceiling=subscriber.ceiling)


def known_layers(source: Source, time: float) -> tuple[float, ...]:
    """bit/s of a source's layers as the control plane knows them then: a new source at once, a
    change when it has been measured."""
    rates = source.layers
    for at, (_, changed) in zip(_learnt(source), source.changes, strict=True):
        if at <= time:
            rates = changed
    return rates


def _learnt(source: Source) -> list[float]:
    before = [source.layers, *(rates for _, rates in source.changes)]
    return [
        at + (MEASURED if any(rates) else 0.0)
        for (at, _), rates in zip(source.changes, before, strict=False)
    ]


def moments(subscriber: Subscriber, sources: Sequence[Source]) -> list[float]:
    """When a subscriber's staircase becomes another one: pauses, and changes of publishers."""
    times = {at for span in subscriber.paused for at in span}
    for view in subscriber.views:
        times |= set(_learnt(sources[view.source]))
    return sorted(times)


def capacity_at(subscriber: Subscriber, time: float) -> float:
    """bit/s of the subscriber's own way down then."""
    return value_at(subscriber.down.capacity, time)
