"""Absurd rows harm nobody else, and nothing they say makes a rate that is none."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.bandwidth.estimator import LEAST_RATE, MOST_RATE, Estimator
from sfu.bandwidth.rows import DELTA, FEEDBACK, Records
from tests.bandwidth.recording import TICK, Path

HONEST = 1
HOSTILE = 2
STRANGER = 77


def records(dtype: np.dtype[Any]) -> st.SearchStrategy[Records]:
    """Any bytes, and those that make all numbers least, most, or minus one."""
    size = dtype.itemsize
    any_bytes = st.binary(min_size=size, max_size=size)
    same = st.sampled_from([b"\x00", b"\x7f", b"\x80", b"\xff"]).map(lambda byte: byte * size)
    return (any_bytes | same).map(lambda data: np.frombuffer(data, dtype=dtype).copy())


@st.composite
def absurd(draw: st.DrawFn) -> tuple[Records, Records]:
    """Rows of any content for a known or an unknown transport, with too few or many deltas."""
    rows = draw(st.lists(records(FEEDBACK), min_size=1, max_size=3))
    for row in rows:
        row["transport"] = draw(st.sampled_from([HOSTILE, HOSTILE, STRANGER]))
    deltas = draw(st.lists(records(DELTA), max_size=6))
    return np.concatenate(rows), np.concatenate([np.zeros(0, DELTA), *deltas])


def numbers(estimator: Estimator) -> dict[str, object]:
    row = estimator.rows_of(np.array([HONEST]))[0]
    names = ("target", "estimate", "throughput", "queue_us", "round_trip_us", "loss", "state")
    return {name: getattr(estimator, name)[row] for name in names}


@settings(max_examples=40, deadline=None)
@given(st.lists(absurd(), min_size=1, max_size=8), st.lists(st.floats(-5.0, 5.0), max_size=3))
def test_no_row_harms_another(attacks: list[tuple[Records, Records]], jumps: list[float]) -> None:
    alone, among = Estimator(1), Estimator(1)
    for estimator in (alone, among):
        estimator.add(HONEST, 0.0)
    among.add(HOSTILE, 0.0)
    path = Path(3)
    path.number = HONEST
    now = 0.0
    with np.errstate(all="raise", under="ignore"):
        for step, (rows, deltas) in enumerate(attacks):
            now += jumps[step] if step < len(jumps) else TICK
            row, own = path.tick(now + 100.0, float(alone.target[0]), None)
            alone.tick(now, row, own)
            rates = among.tick(now, np.concatenate([row, rows]), np.concatenate([own, deltas]))
            assert numbers(alone) == numbers(among)
            for name in ("target", "estimate", "throughput", "loss"):
                assert np.isfinite(getattr(among, name)).all()
            here = among.estimate[among.active]
            assert ((here >= LEAST_RATE) & (here <= MOST_RATE)).all()
            assert (rates["pacing_bps"] >= LEAST_RATE).all()
            started = (rates["flags"] & 1) != 0
            assert ((rates["probe"] > 0) == started).all()
