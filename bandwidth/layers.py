"""Which simulcast layer each slot shows: what is looked at, within a budget. Pure functions.

Everybody gets the lowest layer first, in the order of priority; then slots climb,
the one with the highest priority first and equals side by side, until each has
what was asked for or the next layer does not fit. So the least important picture
steps down first, and the most important one is never lost to the others.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

PAUSED: Final = -1

Reason = Literal["full", "view", "budget"]


@dataclass(frozen=True, slots=True)
class Layer:
    """A simulcast layer: bit/s and height in pixels."""

    bps: int
    height: int


@dataclass(frozen=True, slots=True)
class Demand:
    """A slot with a picture to show; layers lowest first, `max_height` None for all there is."""

    slot: str
    layers: tuple[Layer, ...]
    max_height: int | None = None
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """The layer a slot gets, PAUSED for none, and why it is not more.

    "full": there is no more; "view": no more was asked for; "budget": more does
    not fit.
    """

    spatial: int
    reason: Reason


def choose(demands: Iterable[Demand], budget: int) -> dict[str, Choice]:
    """The layer of each slot so that their sum stays within `budget` bit/s.

    The most important slot keeps its lowest layer even where that alone is more
    than the budget: a single-layer source cannot step down.
    """
    ranked = sorted(demands, key=lambda demand: -demand.priority)
    level = {demand.slot: PAUSED for demand in ranked}
    left = budget
    for demand in ranked:
        lowest = demand.layers[0].bps
        if lowest <= left or demand is ranked[0]:
            level[demand.slot] = 0
            left -= lowest
    for _, peers in itertools.groupby(ranked, key=lambda demand: demand.priority):
        climbing = [demand for demand in peers if level[demand.slot] != PAUSED]
        while climbing:
            climbed = []
            for demand in climbing:
                reached = level[demand.slot]
                if reached < _wanted(demand):
                    step = demand.layers[reached + 1].bps - demand.layers[reached].bps
                    if step <= left:
                        level[demand.slot] += 1
                        left -= step
                        climbed.append(demand)
            climbing = climbed
    return {demand.slot: _choice(demand, level[demand.slot]) for demand in ranked}


def _choice(demand: Demand, spatial: int) -> Choice:
    if spatial < _wanted(demand):
        return Choice(spatial, "budget")
    return Choice(spatial, "full" if spatial == len(demand.layers) - 1 else "view")


def _wanted(demand: Demand) -> int:
    """The lowest layer that is as high as asked for, or the highest there is."""
    if demand.max_height is not None:
        for index, layer in enumerate(demand.layers):
            if layer.height >= demand.max_height:
                return index
    return len(demand.layers) - 1


class PlannedRate:
    """A layer's bit rate as planning uses it: up at once, down only when it lasts.

    Without that, a layer whose rate wavers around what is left of a budget
    would come and go every second, each time with a keyframe.
    """

    __slots__ = ("_below", "_smooth", "bps")

    def __init__(self, assumed: int) -> None:
        self.bps = assumed
        self._smooth: float | None = None
        self._below = 0

    def observe(self, bps: int) -> bool:
        """Takes the last second's rate; says whether `bps` has changed.

        Zero is a layer that is not sent now: it may come back, so its rate is kept.
        """
        if bps == 0:
            return False
        first = self._smooth is None
        if self._smooth is None and bps <= 1.3 * self.bps:
            self._smooth = bps
        else:
            # The first seconds hold the first keyframe: far more than assumed is believed slowly.
            before = self.bps if self._smooth is None else self._smooth
            self._smooth = 0.7 * before + 0.3 * bps
        self._below = self._below + 1 if self._smooth < 0.8 * self.bps else 0
        if self._smooth > 1.05 * self.bps or self._below >= 5 or (first and self._below):
            self.bps = round(self._smooth)
            self._below = 0
            return True
        return False


def assumed_layers(count: int) -> tuple[Layer, ...]:
    """What is assumed of a track before anything is known: a 720p camera, halved layer by layer."""
    lowest = (_ASSUMED[0],) * (count - len(_ASSUMED))
    return lowest + _ASSUMED[-count:]


_ASSUMED: Final = (Layer(150_000, 180), Layer(450_000, 360), Layer(1_250_000, 720))
