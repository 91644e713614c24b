"""The vectorised estimator without its improvements is goog_cc, transport by transport."""

import numpy as np

from sfu.bandwidth.estimator import Estimator
from sfu.bandwidth.tuning import CORE
from sfu.bench.goog_cc.control import GoogCc
from tests.bandwidth.recording import TICK, Path

PATHS = 10
SECONDS = 30.0


def test_both_agree_within_one_percent_on_any_path() -> None:
    estimator = Estimator(4, CORE)
    scalars = [GoogCc(0.0, ceiling=4e6) for _ in range(PATHS)]
    paths = [Path(seed) for seed in range(PATHS)]
    for number, path in enumerate(paths):
        path.number = number
        estimator.add(number, 0.0, ceiling=4e6)
    rows = estimator.rows_of(np.arange(PATHS))
    probes: list[tuple[int, float] | None] = [None] * PATHS
    worst, states = 0.0, set()
    for tick in range(1, int(SECONDS / TICK)):
        now = tick * TICK
        wanted = 3e6 if tick % 400 < 200 else 2e6
        records = [
            path.tick(now, scalar.target, probe)
            for path, scalar, probe in zip(paths, scalars, probes, strict=True)
        ]
        asked = np.full(PATHS, wanted)
        estimator.demand(
            rows, allocated=asked, next_step=asked, wanted=asked, ceiling=np.full(PATHS, 4e6)
        )
        feedback = np.concatenate([row for row, _ in records])
        estimator.tick(now, feedback, np.concatenate([deltas for _, deltas in records]))
        for number, (scalar, (row, deltas)) in enumerate(zip(scalars, records, strict=True)):
            scalar.wanted = wanted
            decision = scalar.tick(now, row[0], deltas)
            cluster = decision.probe
            probes[number] = (cluster.number, cluster.bps) if cluster else None
            worst = max(worst, abs(estimator.target[rows[number]] / decision.target - 1.0))
            states.add((scalar.state, scalar.loss.state))
    assert worst <= 0.01
    assert len(states) >= 7  # the paths were rough enough to tell
