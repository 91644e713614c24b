"""The paths of many receivers as they are now: columns for whoever looks on, and their spread."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import numpy as np

from sfu.bandwidth.rows import Bools, Floats

QUANTILES: Final = (0.05, 0.5, 0.95)


class Path(NamedTuple):
    """Of one receiver; as in `Paths`."""

    estimate: float
    target: float
    given: float
    wanted: float
    arriving: float
    round_trip_us: float
    queue_us: float
    loss: float
    silent: bool
    freezes: float
    frozen: float


class Paths(NamedTuple):
    """One entry per receiver whose path is up; rates in bit/s."""

    estimate: Floats
    """What the path is believed to carry."""
    target: Floats
    """What is to be spent on it: no more than the room's budget."""
    given: Floats
    """What the layers cost that it is given."""
    wanted: Floats
    """What all would cost that its participant looks at, within the budget."""
    arriving: Floats
    """What arrives."""
    round_trip_us: Floats
    queue_us: Floats
    """Standing queue."""
    loss: Floats
    """Fraction of bytes that do not arrive."""
    silent: Bools
    """Whether no answers come."""
    freezes: Floats
    """How often pictures stood still for want of the path or of a keyframe, ..."""
    frozen: Floats
    """... and for how many seconds together."""

    def of(self, index: int) -> Path:
        """One of them."""
        return Path._make(column[index].item() for column in self)

    @property
    def share(self) -> Floats:
        """What is given of what is wanted, 0 to 1; 1 where nothing is."""
        return share(self.given, self.wanted)

    def sums(self) -> Mapping[str, float]:
        """Of each rate, by name, over all receivers."""
        rates = ("estimate", "target", "given", "wanted", "arriving")
        return {name: float(getattr(self, name).sum()) for name in rates}


def share(given: Floats, wanted: Floats) -> Floats:
    """Of one rate in another, at most 1; 1 of nothing."""
    some = wanted > 0
    parts = np.divide(given, wanted, out=np.ones(len(given)), where=some)
    shares: Floats = np.minimum(parts, 1.0)
    return shares


def together(parts: Iterable[Paths]) -> Paths:
    """Those of several workers."""
    columns = zip(*parts, strict=True)
    joined = [np.concatenate(column) for column in columns]
    return Paths(*joined) if joined else NOBODY


def spread(column: Floats) -> tuple[tuple[float, float], ...]:
    """(quantile, value) for each of QUANTILES; none of nobody."""
    if not len(column):
        return ()
    return tuple(zip(QUANTILES, np.quantile(column, QUANTILES).tolist(), strict=True))


_NONE: Final[Floats] = np.zeros(0)
NOBODY: Final = Paths(
    _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE,
    silent=np.zeros(0, dtype=np.bool_), freezes=_NONE, frozen=_NONE,
)  # fmt: skip
