"""Rows of feedback in, rates and levels out."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.bandwidth.rows import (
    ABORT_PROBES,
    AT_LEISURE,
    FEEDBACK,
    PROBED,
    RATES,
    REMB,
    REPORT,
    SILENT,
    START_PROBE,
    TRANSPORT_WIDE,
)
from sfu.bandwidth.staircase import Demand, Layer, Staircase, staircase
from sfu.bandwidth.starts import START
from sfu.subscribers import ANEW_AFTER, IDLE, MUTE_AFTER, QUIET, Subscribers

CAMERA = (Layer(100_000, 180), Layer(500_000, 360), Layer(1_500_000, 720))


def stairs(ceiling: float = 3_000_000) -> Staircase:
    return staircase([Demand("seat-0", CAMERA)], audio=64_000, ceiling=ceiling)


class Worker:
    """Ticks subscribers; `now` moves."""

    def __init__(self, *transports: int) -> None:
        self.subscribers = Subscribers()
        self.now = 50.0
        self.rates: dict[int, Any] = {}
        self.subscribers.assign(transports, stairs())
        for transport in transports:
            self.subscribers.open(transport, self.now)

    def tick(self, **rows: Any) -> list[int]:
        """One tick with a row of feedback of these fields, if any; keeps the rates."""
        self.now += 0.05
        feedback = np.zeros(1 if rows else 0, dtype=FEEDBACK)
        for name, value in rows.items():
            feedback[name] = value
        rates, changed = self.subscribers.tick(self.now, feedback.tobytes(), b"")
        self.rates = {row["transport"]: row for row in np.frombuffer(rates, dtype=RATES)}
        return changed

    def hold(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.05)):
            self.tick()


def test_who_is_assigned_takes_part_once_the_path_is_up() -> None:
    worker = Worker()
    subscribers = worker.subscribers
    subscribers.open(9, worker.now)
    subscribers.assign([1], stairs())
    assert worker.tick() == []
    assert (len(subscribers), subscribers.level(1), subscribers.standing(1)) == (0, None, None)
    subscribers.open(1, worker.now)
    assert subscribers.level(1) == 0
    assert worker.tick() == [1]
    assert worker.rates[1]["flags"] == START_PROBE
    assert subscribers.level(1) == 1


def test_the_start_is_cautious_and_the_word_of_a_receiver_counts() -> None:
    worker = Worker(1, 2)
    worker.hold(1)
    assert worker.subscribers.level(1) == 1
    assert worker.subscribers.standing(1) == (300_000, 167_000, 1_609_000)
    worker.tick(transport=1, flags=REMB, remb_bps=5_000_000)
    worker.hold(1)
    assert (worker.subscribers.level(1), worker.subscribers.level(2)) == (3, 1)
    worker.tick(transport=1, flags=REMB, remb_bps=600_000)
    worker.hold(1)
    assert worker.subscribers.level(1) == 2


def test_news_of_strangers_moves_nobody() -> None:
    worker = Worker(1)
    worker.hold(1)
    worker.tick(transport=77, flags=REMB, remb_bps=9_000_000)
    worker.hold(1)
    assert worker.subscribers.level(1) == 1


def test_who_never_answers_gets_what_the_budget_allows_unpaced() -> None:
    worker = Worker(1)
    for _ in range(MUTE_AFTER - 1):
        worker.tick(transport=1, flags=SILENT)
        worker.hold(0.45)
    assert worker.subscribers.level(1) == 1
    worker.tick(transport=1, flags=SILENT)
    row = worker.rates[1]
    assert (row["target_bps"], row["pacing_bps"]) == (3_000_000, 0)
    assert row["flags"] == ABORT_PROBES | AT_LEISURE
    worker.hold(1)
    assert worker.subscribers.level(1) == 3
    assert worker.rates == {}, "once is enough"
    worker.subscribers.assign([1], stairs(ceiling=2_000_000))
    worker.hold(0.1)
    worker.tick()
    assert worker.subscribers.estimator.ceiling[0] == 2_000_000


def test_who_answers_after_all_goes_on_with_what_it_had() -> None:
    for flags, start in [(REPORT, 1_609_000), (TRANSPORT_WIDE, START)]:
        worker = Worker(1)
        for _ in range(MUTE_AFTER):
            worker.tick(transport=1, flags=SILENT)
        worker.hold(1)
        worker.tick(transport=1, flags=flags)
        assert abs(worker.subscribers.estimator.target[0] - start) < 0.2 * start
        assert worker.rates[1]["pacing_bps"] > 0
        assert worker.subscribers.level(1) == 3, "nothing is interrupted"


def test_while_there_are_no_pictures_paths_are_looked_at_less_often() -> None:
    worker = Worker(1)
    worker.hold(3)
    pause = worker.subscribers._due - worker.now
    assert pause <= QUIET
    worker.subscribers.assign([1], staircase([], audio=0, ceiling=3_000_000))
    worker.hold(0.1)
    assert QUIET < worker.subscribers._due - worker.now <= IDLE
    worker.subscribers.assign([1], stairs())
    worker.tick()
    assert worker.subscribers.level(1) == 1, "at once"


def test_while_all_have_all_paths_are_looked_at_less_often() -> None:
    worker = Worker(1)
    worker.hold(1)
    for _ in range(20):
        worker.tick(transport=1, flags=TRANSPORT_WIDE, throughput_bps=1_700_000)
        answer = (
            {name: worker.rates[1][name] for name in ("probe", "probe_bps")} if worker.rates else {}
        )
        if answer.get("probe"):
            worker.tick(
                transport=1,
                flags=TRANSPORT_WIDE | PROBED,
                probe=answer["probe"],
                probe_send_bps=answer["probe_bps"],
                probe_receive_bps=answer["probe_bps"],
                throughput_bps=1_700_000,
            )
    worker.hold(0.1)
    assert worker.subscribers.level(1) == 3
    assert QUIET < worker.subscribers._due - worker.now <= IDLE
    worker.subscribers.assign([1], stairs(ceiling=200_000))
    worker.hold(0.1)
    assert worker.subscribers.level(1) == 1, "at once"


def test_silence_later_on_is_the_estimators_business() -> None:
    worker = Worker(1)
    worker.tick(transport=1, flags=REPORT)
    for _ in range(3 * MUTE_AFTER):
        worker.tick(transport=1, flags=SILENT)
        worker.hold(0.45)
    assert worker.subscribers.level(1) == 1


def test_without_news_there_is_nothing_to_do_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(1)
    worker.hold(3)
    ticked: list[float] = []
    estimator = worker.subscribers.estimator
    advance = estimator.tick

    def watched(now: float, *news: Any) -> Any:
        ticked.append(now)
        return advance(now, *news)

    monkeypatch.setattr(estimator, "tick", watched)
    worker.hold(2)
    assert 18 <= len(ticked) <= 21, "there is more to be given"
    worker.subscribers.assign([1], stairs(ceiling=200_000))
    worker.hold(1)
    ticked.clear()
    worker.hold(2)
    assert 2 / IDLE - 1 <= len(ticked) <= 2 / IDLE + 1
    ticked.clear()
    worker.tick(transport=1, flags=REMB, remb_bps=5_000_000)
    worker.subscribers.assign([1], stairs(ceiling=2_000_000))
    worker.tick()
    assert len(ticked) == 2


def test_rows_are_used_again_without_a_trace() -> None:
    worker = Worker(1)
    for _ in range(MUTE_AFTER):
        worker.tick(transport=1, flags=SILENT)
    worker.subscribers.close(1, worker.now)
    worker.subscribers.close(1, worker.now)
    assert len(worker.subscribers) == 0
    worker.subscribers.assign([2], stairs())
    worker.subscribers.open(2, worker.now)
    worker.tick(transport=2, flags=SILENT)
    worker.hold(1)
    assert worker.subscribers.level(2) == 1


def test_who_takes_the_place_of_another_is_shown_a_picture_as_soon() -> None:
    camera = staircase([Demand("seat-0", (Layer(1_200_000, 720),))], audio=64_000, ceiling=3e6)
    worker = Worker(1)
    worker.subscribers.assign([2, 3], camera)
    worker.subscribers.open(2, worker.now)
    worker.hold(1)
    worker.subscribers.close(2, worker.now)
    worker.hold(3)
    worker.subscribers.open(3, worker.now)
    assert worker.tick() == [3]
    assert worker.subscribers.level(3) == 1


def test_many_come_and_go() -> None:
    worker = Worker()
    made = stairs()
    for transport in range(1, 300):
        worker.subscribers.assign([transport], made)
        worker.subscribers.open(transport, worker.now)
        if transport % 3 == 0:
            worker.subscribers.close(transport // 2, worker.now)
        worker.tick()
    assert len(worker.subscribers) == 200
    worker.hold(1)
    levels = {worker.subscribers.level(transport) for transport in range(1, 300)}
    assert levels == {1, None}


def test_a_fault_in_the_numbers_of_one_does_not_keep_the_others_without_pictures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = Worker(1, 2)
    worker.tick(transport=1, flags=REMB, remb_bps=900_000)
    worker.hold(1)
    former = worker.subscribers.allocator

    def faulty(*_: Any) -> None:
        raise IndexError("a bug")

    monkeypatch.setattr(former, "tick", faulty)
    assert worker.tick(transport=2, flags=REMB, remb_bps=900_000) == [1, 2]
    worker.subscribers.assign([3], stairs())
    worker.subscribers.open(3, worker.now)
    worker.hold(2)
    assert [worker.subscribers.level(each) for each in (1, 2, 3)] == [2, 2, 1]
    monkeypatch.setattr(worker.subscribers.allocator, "tick", faulty)
    assert worker.tick(transport=1, flags=REMB, remb_bps=900_000) == [], "not with each tick"
    worker.now += ANEW_AFTER
    worker.hold(0.5)
    assert worker.subscribers.level(1) == 2


def test_not_even_a_row_that_cannot_be_read_keeps_the_others_without_pictures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = Worker(1, 2)
    former = worker.subscribers.allocator
    staircase_of = former.staircase_of

    def unreadable(row: int) -> Staircase | None:
        if row == 0:
            raise IndexError("a bug")
        return staircase_of(row)

    monkeypatch.setattr(former, "tick", lambda *_: unreadable(0))
    monkeypatch.setattr(former, "staircase_of", unreadable)
    worker.tick(transport=2, flags=REMB, remb_bps=900_000)
    worker.hold(2)
    assert worker.subscribers.level(2) == 2


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["", "a", "b", "ab"]), st.booleans(), st.floats(0, 4))))
def test_whatever_comes_and_goes_on_the_stage_all_have_a_level_of_it(
    course: list[tuple[str, bool, float]],
) -> None:
    worker = Worker(1, 2)
    worker.subscribers._begin_anew = None  # type: ignore[assignment,method-assign]  # nothing is to need it
    for slots, known, seconds in course:
        bps = 100_000 if known else 1_250_000
        stage = staircase(
            [Demand(slot, (Layer(bps, 720),)) for slot in slots], audio=64_000, ceiling=3_000_000
        )
        worker.subscribers.assign([1, 2], stage)
        worker.tick(transport=1, flags=REMB, remb_bps=900_000)
        worker.hold(seconds)
        levels = [worker.subscribers.level(transport) for transport in (1, 2)]
        assert all(level is not None and 0 <= level <= stage.top for level in levels)


rows = st.lists(
    st.fixed_dictionaries(
        {
            name: st.integers(np.iinfo(kind).min, np.iinfo(kind).max)
            for name, (kind, *_) in FEEDBACK.fields.items()  # type: ignore[union-attr]
            if name not in ("transport", "deltas")
        }
    ),
    max_size=20,
)


@settings(max_examples=40, deadline=None)
@given(rows)
def test_feedback_that_lies_moves_only_its_own_rate(lies: list[dict[str, int]]) -> None:
    honest = {"transport": 2, "flags": REMB, "remb_bps": 900_000}
    alone, beside = Worker(1, 2), Worker(1, 2)
    for worker in (alone, beside):
        worker.tick(**honest)
    for lie in lies:
        # A stranger's news: both work at the same times.
        alone.tick(transport=77)
        beside.tick(transport=1, **lie)
        assert 2 not in beside.rates or beside.rates[2] == alone.rates[2]
        for name in ("target", "throughput", "queue_us", "loss"):
            column = getattr(beside.subscribers.estimator, name)
            assert np.isfinite(column).all()
            assert column[1] == getattr(alone.subscribers.estimator, name)[1]
        assert beside.subscribers.level(2) == alone.subscribers.level(2)
        assert beside.subscribers.estimator.target[0] <= 3_000_000


def test_who_comes_begins_with_what_a_neighbour_was_carried() -> None:
    subscribers = Subscribers(remembered=4)
    cameras = [Demand(f"seat-{number}", CAMERA) for number in range(4)]
    stage = staircase(cameras, audio=64_000, ceiling=20_000_000)
    heard = np.zeros(1, dtype=FEEDBACK)
    heard["transport"], heard["flags"], heard["throughput_bps"] = 1, TRANSPORT_WIDE, 1_000_000
    levels = []
    for transport in (1, 2, 3):
        address = "198.51.100.9:1" if transport == 3 else f"192.0.2.{transport}:1"
        subscribers.assign([transport], stage)
        subscribers.open(transport, float(transport), address)
        subscribers.tick(transport + 0.1, heard.tobytes() if transport == 1 else b"", b"")
        levels.append(subscribers.level(transport))
        if transport == 1:
            subscribers.estimator.estimate[:1] = 1_000_000
            subscribers.close(transport, 1.5, address)
    assert levels == [2, 4, 2]
