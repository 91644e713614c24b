"""A share beside TCP."""

import numpy as np
import pytest

from sfu.bandwidth.competing import BACK_OFF, Competing

ROW, TRIP, MUCH = np.array([0]), np.array([0.1]), np.array([9e6])


def steer(competing: Competing, now: float, rate: float, loss: float) -> float:
    arrays = (np.array([rate]), MUCH, np.array([loss]), TRIP)
    return float(competing.steer(ROW, now, *arrays)[0])


def test_grows_without_loss_and_gives_way_once_per_loss() -> None:
    competing = Competing(1)
    competing.enter(ROW, 0.0)
    assert steer(competing, 1.0, 500e3, 0.0) == 540e3
    assert steer(competing, 2.0, 2e6, 0.0) == pytest.approx(2.08e6)
    assert steer(competing, 3.0, 1e6, 0.1) == BACK_OFF * 1e6
    assert steer(competing, 3.1, 700e3, 0.1) > 700e3


def test_does_not_grow_far_beyond_what_arrives() -> None:
    competing = Competing(1)
    competing.enter(ROW, 0.0)
    little = np.array([100e3])
    assert competing.steer(ROW, 1.0, np.array([500e3]), little, np.zeros(1), TRIP)[0] == 500e3
