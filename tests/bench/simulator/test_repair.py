"""Requests for what was lost: when they come, what is granted, when they end."""

import math

import numpy as np
import pytest

from sfu.bench.simulator.packets import AUDIO, REPAIR, VIDEO, Packets
from sfu.bench.simulator.repair import AUDIO_REPAIR, Missing, Repairs

TRIP = np.full(2, 0.1)
UP = np.full(2, 0.03)
NO_LOSS = np.zeros(2)


def make() -> Repairs:
    repairs = Repairs((2, 2), np.random.default_rng(1))
    repairs._budget[:] = 100_000
    return repairs


def sent(
    arrival: list[float], row: int = 0, slot: int = 0, kind: int = VIDEO, at: float = 0.0
) -> Packets:
    count = len(arrival)
    whole = np.ones(count, dtype=np.int64)
    numbers = np.arange(count)
    time = np.full(count, at)
    columns = whole * kind, whole * slot, numbers, time, whole * 0
    return Packets(whole * row, whole * 1000, *columns, np.array(arrival), time)


def when(repairs: Repairs, begin: float, end: float) -> list[tuple[float, Missing]]:
    found = []
    for step in range(round(begin / 0.005), round(end / 0.005)):
        due = repairs.due(step * 0.005, UP, NO_LOSS)
        if len(due):
            found.append((step * 0.005, due))
    return found


def test_a_loss_shows_when_something_later_arrives() -> None:
    repairs = make()
    repairs.note(sent([0.05, math.inf]), TRIP)
    assert when(repairs, 0.0, 1.0) == []
    repairs.note(sent([1.05]), TRIP)
    found = when(repairs, 1.0, 1.5)
    assert len(found) == 1
    time, due = found[0]
    # It arrives, the receiver takes a moment, the request takes its way.
    assert 1.08 <= time <= 1.095
    assert (due.row[0], due.slot[0], due.frame[0], due.size[0]) == (0, 0, 1, 1000)


def test_other_streams_show_nothing() -> None:
    repairs = make()
    repairs.note(sent([math.inf]), TRIP)
    repairs.note(sent([0.05], row=1), TRIP)
    repairs.note(sent([0.05], slot=1), TRIP)
    repairs.note(sent([0.05], kind=AUDIO), TRIP)
    assert when(repairs, 0.0, 0.5) == []


def test_sound_is_repaired_as_sound() -> None:
    repairs = make()
    repairs.note(sent([math.inf, 0.05], kind=AUDIO), TRIP)
    ((_, due),) = when(repairs, 0.0, 0.5)
    assert due.is_audio.tolist() == [True]


def test_a_repair_that_is_lost_is_asked_for_again_ten_times_at_most() -> None:
    repairs = make()
    repairs.note(sent([math.inf, 0.05]), TRIP)
    times = []
    for step in range(600):
        time = step * 0.005
        due = repairs.due(time, UP, NO_LOSS)
        if len(due):
            times.append(time)
            again = sent([math.inf], kind=REPAIR, at=time)
            again.frame = due.frame
            repairs.note(again, TRIP)
    assert len(times) > 5
    gaps = np.diff(times)
    assert gaps.min() >= 0.05


def test_repairs_cost_half_of_what_is_sent_at_the_most() -> None:
    repairs = make()
    repairs._budget[:] = 0
    repairs.note(sent([math.inf] * 10 + [0.05]), TRIP)
    granted = sum(len(due) for _, due in when(repairs, 0.0, 0.09))
    assert granted == 5


def test_a_request_that_is_lost_comes_later() -> None:
    repairs = make()
    repairs.note(sent([math.inf, 0.05]), TRIP)
    assert len(repairs.due(0.2, UP, np.ones(2))) == 0
    ((time, _),) = when(repairs, 0.2, 1.0)
    assert time == pytest.approx(0.2, abs=0.05)


def test_the_slot_of_repaired_sound_is_told_apart() -> None:
    repairs = make()
    lost = sent([math.inf], slot=1 + AUDIO_REPAIR, kind=REPAIR)
    repairs.note(lost, TRIP)
    assert repairs._missing.slot.tolist() == [1]
    assert repairs._missing.is_audio.tolist() == [True]


def test_what_was_before_a_new_layer_is_not_sent_again() -> None:
    repairs = make()
    repairs.note(sent([math.inf, math.inf, math.inf, 0.05]), TRIP)
    repairs.note(sent([math.inf, 0.05], slot=1), TRIP)
    repairs.forget(0, 0, 2)
    frames = [
        each
        for _, due in when(repairs, 0.0, 0.5)
        for each in zip(due.slot.tolist(), due.frame.tolist(), strict=True)
    ]
    assert sorted(frames) == [(0, 2), (1, 0)]
