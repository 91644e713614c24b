"""Records are packed as the plane writes them."""

from sfu.bandwidth.rows import DELTA, FEEDBACK, RATES


def test_records_are_packed() -> None:
    for dtype in (FEEDBACK, DELTA, RATES):
        assert dtype.itemsize == sum(dtype[name].itemsize for name in dtype.names or ())


def test_sizes_are_those_of_the_plane() -> None:
    assert (FEEDBACK.itemsize, DELTA.itemsize, RATES.itemsize) == (124, 20, 36)
