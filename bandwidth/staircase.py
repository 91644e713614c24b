"""What an audience gets, one upgrade after another: a staircase, shared by all with one view.

However much a path carries, its receiver gets the longest run of steps that fits. So their order
is who steps down first: sound is no step at all, then come

    the screen's base, the speaker's, every other camera's, each at its lowest frame rate;
    the cameras' bases at their full frame rate;
    the screen's resolution, then its frame rate; the speaker's picture; the others' pictures,
    equals side by side, who spoke last first.

Nothing is paused while a picture that could give way is more than a base. A base that is much
dearer than one behind it does not block the way for that one: there are levels without it, below
the first one with it. Pure functions.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, combinations, groupby
from typing import Final, Literal, NamedTuple

import numpy as np

from sfu.bandwidth.rows import Floats, Ints

PAUSED: Final = -1
ALL_TEMPORAL: Final = 7

REPAIRS: Final = 0.03
"""Kept for retransmissions, of what pictures cost."""

TRUSTED: Final = 0.7
"""A layer is charged at least this part of what is expected of it: it may be quiet just now."""

SHARES: Final[Mapping[int, tuple[float, ...]]] = {
    1: (1.0,),
    2: (0.6, 1.0),
    3: (0.4, 0.6, 1.0),
}
"""Part of a layer's rate up to each of its temporal layers, by their number (libwebrtc,
kLayerRateAllocation)."""

HEAVY: Final = 1.5
"""A base that costs so many times the cheapest one behind it is left out where it does not fit."""
MOST_HEAVY: Final = 3
"""Bases that are left out, at most, the dearest ones: each doubles the ways to do so."""

Reason = Literal["full", "view", "budget"]


class Layer(NamedTuple):
    """A spatial layer: bit/s as measured, height in pixels, temporal layers within, and the bit/s
    that it takes when it is not quiet (0 when nothing is known of that)."""

    bps: int
    height: int
    temporal: int = 1
    expected: int = 0


@dataclass(frozen=True, slots=True)
class Demand:
    """A slot with a picture to show; layers lowest first, `max_height` None for all there is.

    Of two slots the one with the higher `priority` steps down later, among equals the one with
    the lower `recency` (0 spoke last). `detail`: resolution counts for more than frame rate.
    """

    slot: str
    layers: tuple[Layer, ...]
    max_height: int | None = None
    priority: int = 0
    recency: int = 0
    detail: bool = False


class Step(NamedTuple):
    """The slot's picture becomes this one, for so many bit/s more. A step may pay ahead for what
    quiet sources are expected to need."""

    slot: str
    spatial: int
    temporal: int
    bps: int


class Aim(NamedTuple):
    """Highest layers that a slot may show."""

    spatial: int
    temporal: int


NOTHING: Final = Aim(PAUSED, ALL_TEMPORAL)


class End(NamedTuple):
    """What a slot has on the top of the staircase, and why it is not more: "full" there is no
    more, "view" no more was asked for, "budget" more is not granted to anybody."""

    aim: Aim
    reason: Reason


class Level(NamedTuple):
    """The first `steps` of a staircase, but for those of the slots in `without`."""

    steps: int
    without: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class Staircase:
    """What may be shown, level by level: whatever a level costs, nothing that costs as much or
    less is better."""

    steps: tuple[Step, ...]
    """In the order in which they are taken; each slot's first one is its base."""
    levels: tuple[Level, ...]
    """Without any step, with steps left out, then as many of the steps as there are."""
    cumulative: Floats
    """bit/s at each level, shape (levels,), sound and repairs included; grows strictly."""
    ceiling: float
    """bit/s that are never exceeded."""
    ends: Mapping[str, End]
    _aims: dict[int, Mapping[str, Aim]] = field(default_factory=dict, repr=False)

    @property
    def top(self) -> int:
        """The highest level."""
        return len(self.levels) - 1

    @cached_property
    def reach(self) -> Ints:
        """From each level the highest one up to which no picture goes up by more than one of the
        spatial layers that are on the staircase."""
        count = len(self.levels)
        far = np.zeros((count, count), dtype=np.bool_)
        for slot in self.ends:
            spatial = [self.aims(level)[slot].spatial for level in range(count)]
            layer = np.unique(spatial, return_inverse=True)[1]
            far |= layer[None, :] - layer[:, None] > 1
        far = np.triu(far)
        return np.where(far.any(axis=1), far.argmax(axis=1) - 1, self.top)

    @cached_property
    def bases(self) -> int:
        """The lowest level at which everything that is shown at all has its first step."""
        slots = {step.slot for step in self.steps}
        return self.levels.index(Level(len(slots)))

    @cached_property
    def pictures(self) -> tuple[tuple[Level, ...], tuple[tuple[str, int, int], ...]]:
        """What levels show, whatever they cost: equal for staircases of one structure."""
        return self.levels, tuple(step[:3] for step in self.steps)

    def aims(self, level: int) -> Mapping[str, Aim]:
        """What each slot shows at a level."""
        aims = self._aims.get(level)
        if aims is None:
            made = dict.fromkeys(self.ends, NOTHING)
            steps, without = self.levels[level]
            for slot, spatial, temporal, _ in self.steps[:steps]:
                if slot not in without:
                    made[slot] = Aim(spatial, temporal)
            aims = self._aims[level] = made
        return aims

    def level_of(self, aims: Mapping[str, Aim]) -> int | None:
        """The level that shows just this, if there is one."""
        found = (level for level in range(len(self.levels)) if self.aims(level) == aims)
        return next(found, None)


def staircase(demands: Iterable[Demand], *, audio: float, ceiling: float) -> Staircase:
    """The upgrades that `ceiling` bit/s allow, `audio` of them kept for sound.

    The most important slot keeps its base even beyond the ceiling: a single layer cannot step
    down. When another one's base does not fit, nothing but bases is shown; nor is more than bases
    and their frame rates while one is left out because it is dear.
    """
    ranked = sorted(demands, key=_rank)
    ladders = {demand.slot: _ladder(demand) for demand in ranked}
    stairs = _Stairs(audio, ceiling)
    fitting = [stairs.grant(ladder[0]) for ladder in ladders.values()]
    bases = calm = len(stairs.steps)
    if all(fitting):
        for rung in _frame_rates(ranked, ladders):
            stairs.grant(rung)
        calm = len(stairs.steps)
        ahead = _unspent(ranked)
        for rung in _upgrades(ranked, ladders):
            if stairs.grant(rung, ahead):
                ahead = 0.0
    ends = {demand.slot: _end(demand, ladders[demand.slot], stairs.granted) for demand in ranked}
    steps, costs = tuple(stairs.steps), np.array(stairs.costs)
    levels, cumulative = _levels(steps, costs, bases, calm)
    return Staircase(steps, levels, cumulative, ceiling, ends)


def _levels(
    steps: Sequence[Step], costs: Floats, bases: int, calm: int
) -> tuple[tuple[Level, ...], Floats]:
    """All levels worth having, and their bit/s; `costs` are those of sound and of each step, the
    first `bases` steps are bases, those up to `calm` bases' frame rates."""
    spent = np.cumsum(costs)
    cost = {Level(number): float(spent[number]) for number in range(1, len(costs))}
    for without in _left_out(steps[:bases]):
        kept = [step.slot not in without for step in steps[:calm]]
        spent = np.cumsum(np.where([True, *kept], costs[: calm + 1], 0.0))
        for number in np.flatnonzero(kept).tolist():
            cost[Level(number + 1, without)] = float(spent[number + 1])

    def worth(level: Level) -> tuple[list[bool], int]:
        """Of two the one is better that has the first base in which they differ."""
        shown = [step.slot not in level.without for step in steps[: min(bases, level.steps)]]
        return shown + [False] * (bases - len(shown)), level.steps

    levels: list[Level] = []
    for level in sorted(cost, key=worth, reverse=True):
        if not levels or cost[level] < cost[levels[-1]]:
            levels.append(level)
    levels.reverse()
    bps = [float(costs[0]), *(cost[level] for level in levels)]
    return (Level(0), *levels), np.array(bps)


def _left_out(bases: Sequence[Step]) -> Iterator[frozenset[str]]:
    """All sets of slots that may be left out for others behind them."""
    heavy = [
        (base.bps, base.slot)
        for number, base in enumerate(bases[:-1])
        if base.bps >= HEAVY * min(behind.bps for behind in bases[number + 1 :])
    ]
    slots = [slot for _, slot in sorted(heavy)[-MOST_HEAVY:]]
    sizes = (combinations(slots, size) for size in range(1, len(slots) + 1))
    return map(frozenset, chain.from_iterable(sizes))


class _Rung(NamedTuple):
    """The `number`-th picture of a slot, by so many bit/s dearer than the one before."""

    slot: str
    number: int
    aim: Aim
    height: int
    bps: float


class _Stairs:
    """A staircase while it is built: `granted` rungs of each slot, in the order of `steps`."""

    def __init__(self, audio: float, ceiling: float) -> None:
        self.steps: list[Step] = []
        self.costs = [audio]
        self.granted: Counter[str] = Counter()
        self._left = ceiling - audio

    def grant(self, rung: _Rung, ahead: float = 0.0) -> bool:
        """Whether the rung is the slot's next and fits, with `ahead` bit/s paid for others."""
        bps = round(rung.bps + ahead)
        cost = bps * (1 + REPAIRS)
        if self.granted[rung.slot] != rung.number or (self.steps and cost > self._left):
            return False
        self._left -= cost
        self.granted[rung.slot] += 1
        self.steps.append(Step(rung.slot, *rung.aim, bps))
        self.costs.append(cost)
        return True


def _rank(demand: Demand) -> tuple[int, int]:
    return -demand.priority, demand.recency


def _ladder(demand: Demand) -> list[_Rung]:
    """The pictures of a slot worth showing, each dearer than the one before."""
    pictures: list[tuple[Aim, float]] = []
    top = wanted(demand)
    for spatial, layer in enumerate(demand.layers[: top + 1]):
        shares = SHARES[min(layer.temporal, max(SHARES))]
        # Above the base a camera is not worth its lowest frame rate.
        first = 1 if spatial and not demand.detail and len(shares) > 1 else 0
        for temporal in range(first, len(shares)):
            last = temporal == len(shares) - 1
            # What prefers detail gets frame rates only where there is no more resolution.
            if demand.detail and temporal and spatial < top:
                continue
            cost = _charged(layer, base=spatial == 0) * shares[temporal]
            pictures.append((Aim(spatial, ALL_TEMPORAL if last else temporal), cost))
    kept: list[tuple[Aim, float]] = []
    for aim, cost in reversed(pictures):
        # What costs as much as something better is not worth showing.
        if not kept or max(cost, 1.0) <= kept[-1][1] - 1:
            kept.append((aim, max(cost, 1.0)))
    before, height = 0.0, 0
    rungs = []
    for number, (aim, cost) in enumerate(reversed(kept)):
        height = max(height, demand.layers[aim.spatial].height)
        rungs.append(_Rung(demand.slot, number, aim, height, cost - before))
        before = cost
    return rungs


def _charged(layer: Layer, *, base: bool) -> float:
    """A base is shown for what it costs now; more must be affordable when it is not quiet, too."""
    return float(layer.bps) if base else max(float(layer.bps), TRUSTED * layer.expected)


def _unspent(ranked: Sequence[Demand]) -> float:
    """bit/s that pictures which stay at their base may need when they are not quiet any more."""
    lowest = [demand.layers[0] for demand in ranked if wanted(demand) == 0]
    return sum(max(0.0, TRUSTED * layer.expected - layer.bps) for layer in lowest)


def _frame_rates(
    ranked: Sequence[Demand], ladders: Mapping[str, Sequence[_Rung]]
) -> Iterator[_Rung]:
    """The bases of cameras, up to their full frame rate."""
    for demand in ranked:
        if not demand.detail:
            ladder = ladders[demand.slot]
            yield from (rung for rung in ladder[1:] if rung.aim.spatial == ladder[0].aim.spatial)


def _upgrades(ranked: Sequence[Demand], ladders: Mapping[str, Sequence[_Rung]]) -> Iterator[_Rung]:
    """All rungs of the most important slot, then of the next; equals side by side."""
    for _, peers in groupby(ranked, key=lambda demand: demand.priority):
        rungs = [
            (rung.height, rung.aim, order, rung)
            for order, demand in enumerate(peers)
            for rung in ladders[demand.slot][1:]
        ]
        yield from (rung for *_, rung in sorted(rungs))


def wanted(demand: Demand) -> int:
    """The lowest layer that is as high as asked for, or the highest there is."""
    if demand.max_height is not None:
        for index, layer in enumerate(demand.layers):
            if layer.height >= demand.max_height:
                return index
    return len(demand.layers) - 1


def _end(demand: Demand, ladder: Sequence[_Rung], granted: Mapping[str, int]) -> End:
    reached = granted[demand.slot]
    aim = ladder[reached - 1].aim if reached else NOTHING
    if reached < len(ladder):
        return End(aim, "budget")
    return End(aim, "full" if aim.spatial == len(demand.layers) - 1 else "view")
