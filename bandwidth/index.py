"""Which dense row a transport has: identifiers of the plane to rows of the columns."""

import numpy as np

from sfu.bandwidth.rows import Ints


class Index:
    """Rows are given out lowest first, given back, and used again; lookups are vectorised."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._rows: dict[int, int] = {}
        self._free = list(range(capacity - 1, -1, -1))
        self._sorted_ids = np.empty(0, dtype=np.int64)
        self._sorted_rows = np.empty(0, dtype=np.int64)

    def __contains__(self, transport: int) -> bool:
        return transport in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def full(self) -> bool:
        """Whether `grow` has to come before the next `add`."""
        return not self._free

    def grow(self, capacity: int) -> None:
        self._free = list(range(capacity - 1, self.capacity - 1, -1)) + self._free
        self.capacity = capacity

    def add(self, transport: int) -> int:
        """The row that the transport has from now on."""
        row = self._free.pop()
        self._rows[transport] = row
        at = int(np.searchsorted(self._sorted_ids, transport))
        self._sorted_ids = _inserted(self._sorted_ids, at, transport)
        self._sorted_rows = _inserted(self._sorted_rows, at, row)
        return row

    def remove(self, transport: int) -> int | None:
        """The row that the transport had, None for one that is not known."""
        row = self._rows.pop(transport, None)
        if row is None:
            return None
        at = np.searchsorted(self._sorted_ids, transport)
        self._sorted_ids = np.delete(self._sorted_ids, at)
        self._sorted_rows = np.delete(self._sorted_rows, at)
        self._free.append(row)
        return row

    def rows_of(self, transports: Ints) -> Ints:
        """Row per transport, -1 for those that are not known."""
        if not len(self._sorted_ids):
            return np.full(len(transports), -1)
        at = np.searchsorted(self._sorted_ids, transports)
        at[at == len(self._sorted_ids)] = 0
        return np.where(self._sorted_ids[at] == transports, self._sorted_rows[at], -1)


def _inserted(values: Ints, at: int, value: int) -> Ints:
    """As np.insert, which takes ten times as long for a single one."""
    return np.concatenate((values[:at], np.array([value]), values[at:]))
