"""Sums and spread over the paths of many receivers."""

import numpy as np
import pytest

from sfu.bandwidth.paths import NOBODY, Paths, share, spread, together


def paths(*given: float) -> Paths:
    count = len(given)
    zeros, full = np.zeros(count), np.full(count, 2e6)
    middle = zeros, zeros, zeros, zeros, zeros > 0
    return Paths(full, full, np.array(given), full, *middle, zeros, zeros)


def test_what_is_given_of_what_is_wanted() -> None:
    assert paths(1e6, 2e6, 3e6).share.tolist() == [0.5, 1.0, 1.0]
    assert share(np.zeros(2), np.zeros(2)).tolist() == [1.0, 1.0]


def test_workers_are_taken_together() -> None:
    both = together([paths(1e6, 2e6), paths(5e5)])
    assert both.sums() == {
        "estimate": 6e6, "target": 6e6, "given": 3.5e6, "wanted": 6e6, "arriving": 0,
    }  # fmt: skip
    assert len(both.silent) == 3


def test_one_of_them() -> None:
    one = paths(1e6, 2e6).of(1)
    assert (one.given, one.wanted, one.silent) == (2e6, 2e6, False)
    assert {type(value) for value in one} == {float, bool}


def test_nobody_has_no_spread() -> None:
    assert together([]) is NOBODY
    assert spread(together([NOBODY, NOBODY]).share) == ()
    assert NOBODY.sums()["given"] == 0


def test_the_spread_is_of_all() -> None:
    found = dict(spread(np.arange(101.0)))
    assert found == pytest.approx({0.05: 5.0, 0.5: 50.0, 0.95: 95.0})
