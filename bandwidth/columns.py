"""Columns: state of many transports, one array per quantity, one row per transport."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Fill = float | bool | int | tuple[float, int]

_KINDS: Final = {bool: np.bool_, int: np.int64, float: np.float64}


class Columns:
    """Arrays of one length that grow together, as attributes of the names given.

    A fill value says what a fresh row holds and, by its type, of what kind the column is; a tuple
    (value, width) makes a column of shape (rows, width).
    """

    def __init__(self, capacity: int, fills: Mapping[str, Fill]) -> None:
        self._fills = fills
        for name, fill in fills.items():
            setattr(self, name, _full(capacity, fill))

    def grow(self, capacity: int) -> None:
        """Makes room for `capacity` rows; arrays taken out before are no longer written to."""
        for name, fill in self._fills.items():
            old = getattr(self, name)
            new = _full(capacity, fill)
            new[: len(old)] = old
            setattr(self, name, new)

    def clear(self, rows: int | NDArray[np.int64]) -> None:
        """Makes rows as good as new."""
        for name, fill in self._fills.items():
            getattr(self, name)[rows] = fill[0] if isinstance(fill, tuple) else fill


def _full(capacity: int, fill: Fill) -> NDArray[Any]:
    if isinstance(fill, tuple):
        return np.full((capacity, fill[1]), fill[0])
    return np.full(capacity, fill, dtype=_KINDS[type(fill)])
