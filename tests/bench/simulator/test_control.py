"""Between feedback and layers: joining, staircases, and the order of a tick."""

import numpy as np

from sfu.bandwidth.rows import DELTA, FEEDBACK
from sfu.bench.simulator.run import choose
from sfu.bench.simulator.scenario import Scenario
from sfu.bench.simulator.simulation import Simulation

NOTHING = np.zeros(0, dtype=FEEDBACK), np.zeros(0, dtype=DELTA)


def simulation(name: str) -> Simulation:
    scenario: Scenario = choose([name])[0]
    return Simulation([scenario], 1)


def test_rows_join_when_their_time_comes() -> None:
    here = simulation("5.4")
    control = here.control
    control.tick(0.0, *NOTHING, here.pacer)
    assert control.dense.tolist() == [0, -1, -1]
    control.tick(20.0, *NOTHING, here.pacer)
    assert control.dense.tolist() == [0, 1, -1]
    assert control.column(control.estimator.target)[2] == 0.0


def test_who_joins_is_probed_and_shown_what_the_start_allows() -> None:
    here = simulation("startup 2.5M")
    here.control.tick(0.0, *NOTHING, here.pacer)
    assert here.control.wished_spatial.tolist() == [[2, 2]]
    assert here.pacer._has_cluster[0]
    here.control.tick(0.025, *NOTHING, here.pacer)
    assert here.slots.target_spatial.max() <= 0


def test_who_is_away_wishes_nothing() -> None:
    here = simulation("pause")
    for time in (0.0, 20.0):
        here.control.tick(time, *NOTHING, here.pacer)
    assert here.control.wished_spatial.tolist() == [[-1, -1]]
    assert here.slots.target_spatial.tolist() == [[-1, -1]]
    here.control.tick(40.0, *NOTHING, here.pacer)
    assert here.control.wished_spatial.tolist() == [[2, 2]]


def test_encoders_leave_room_for_repairs() -> None:
    here = simulation("rise")
    control = here.control
    control.tick(0.0, *NOTHING, here.pacer)
    full = here.sources.rate[0, 0]
    row = np.zeros(1, dtype=FEEDBACK)
    row["transport"], row["sent_bytes"], row["sent_rtx_bytes"] = 1, 700, 300
    for _ in range(100):
        control.note_repairs(row)
    control.tick(0.025, *NOTHING, here.pacer)
    assert abs(here.sources.rate[0, 0] / full - 0.7) < 0.05
