"""Columns grow without loss and rows become as new."""

import numpy as np

from sfu.bandwidth.columns import Columns
from sfu.bandwidth.rows import Bools, Floats, Ints


class Sample(Columns):
    rate: Floats
    count: Ints
    on: Bools
    window: Floats


def test_kinds_and_shapes_follow_the_fills() -> None:
    sample = Sample(3, {"rate": 1.5, "count": 7, "on": True, "window": (np.nan, 4)})
    assert sample.rate.tolist() == [1.5] * 3
    assert sample.count.dtype == np.int64
    assert sample.on.dtype == np.bool_
    assert sample.window.shape == (3, 4)


def test_growing_keeps_rows_and_clearing_forgets_one() -> None:
    sample = Sample(2, {"rate": 0.0, "window": (9.0, 2)})
    sample.rate[:] = [1.0, 2.0]
    sample.window[1] = [3.0, 4.0]
    sample.grow(4)
    assert sample.rate.tolist() == [1.0, 2.0, 0.0, 0.0]
    sample.clear(1)
    assert sample.rate.tolist() == [1.0, 0.0, 0.0, 0.0]
    assert sample.window.tolist() == [[9.0, 9.0]] * 4
