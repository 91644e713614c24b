"""How a rate grows near the capacity that was met."""

import numpy as np
import pytest

from sfu.bandwidth.aimd import Aimd
from sfu.bandwidth.trendline import NORMAL


@pytest.mark.parametrize("response", [None, 0.3])
def test_growth_depends_on_the_round_trip_unless_it_is_to_be_even(response: float | None) -> None:
    rows = np.arange(2)
    aimd = Aimd(2)
    aimd.rate[:] = 1e6
    aimd.round_trip[:] = 0.02, 0.3
    aimd.link.mean[:] = 1_000.0
    state, arriving, none = np.full(2, NORMAL), np.full(2, 1e6), np.zeros(2)
    for tick in range(21):
        aimd.update(rows, tick / 20, state, arriving, none, response=response)
    short, long = aimd.rate - 1e6
    assert short > 0.0
    assert short == pytest.approx(long if response else long * 0.8 / 0.24, rel=0.02)
