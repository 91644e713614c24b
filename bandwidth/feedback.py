"""The rows of feedback that the packet plane hands up: one per subscriber with news."""

from collections.abc import Sequence


class FeedbackTotals:
    """Counts rows; the estimator will read them."""

    def __init__(self, dtype: Sequence[tuple[str, str]]) -> None:
        self._row_bytes = sum(_size(kind) for _, kind in dtype)
        self.rows = 0

    def add(self, rows: bytes) -> None:
        """Takes what `Worker.feedback` gave."""
        self.rows += len(rows) // self._row_bytes


def _size(kind: str) -> int:
    """Bytes of a numpy scalar type such as "<u4"."""
    return int(kind.lstrip("<>|=").lstrip("uifb"))
