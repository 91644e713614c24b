"""What operators and usage records see of subscribers: paths, scores, tallies."""

import pytest

from sfu.bandwidth.rows import REMB, REPORT, SILENT
from tests.sfu.test_subscribers import Worker, stairs


def test_a_path_is_what_the_columns_hold() -> None:
    worker = Worker(1, 2)
    worker.tick(transport=1, flags=REMB, remb_bps=5_000_000)
    worker.hold(1)
    path = worker.subscribers.path(1)
    assert path is not None
    standing = worker.subscribers.standing(1)
    assert standing is not None
    assert round(path.target) == standing.available
    assert path.given == standing.given
    assert 0.95 < path.wanted / standing.wanted < 1.05
    assert not path.silent
    assert len(worker.subscribers.paths().silent) == 2
    assert len(worker.subscribers.paths([2, 99]).silent) == 1
    assert worker.subscribers.path(99) is None


def scored(worker: Worker, transport: int) -> float:
    total, seconds = worker.subscribers.take_score(transport)
    return total / seconds


def test_seconds_are_scored_once_somebody_has_answered() -> None:
    worker = Worker(1, 2)
    worker.hold(3)
    assert worker.subscribers.take_score(1) == (0.0, 0.0)
    worker.tick(transport=1, flags=REMB, remb_bps=5_000_000)
    worker.hold(2)
    worker.subscribers.take_score(1)
    worker.hold(10)
    total, seconds = worker.subscribers.take_score(1)
    assert seconds == pytest.approx(10, abs=1.5)
    assert total / seconds > 4.8
    assert worker.subscribers.take_score(1)[1] < 1.5, "taken once"
    assert worker.subscribers.take_score(2) == (0.0, 0.0)


def test_who_is_given_less_than_they_want_scores_less() -> None:
    worker = Worker(1)
    worker.tick(transport=1, flags=REMB, remb_bps=300_000)
    worker.hold(5)
    worker.subscribers.take_score(1)
    worker.hold(5)
    assert 2.5 < scored(worker, 1) < 4.0


def test_silence_is_bad_and_ends_with_an_answer() -> None:
    worker = Worker(1)
    worker.tick(transport=1, flags=REPORT | REMB, remb_bps=5_000_000)
    worker.hold(3)
    worker.subscribers.take_score(1)
    worker.tick(transport=1, flags=SILENT)
    worker.hold(3)
    assert scored(worker, 1) < 2.5
    path = worker.subscribers.path(1)
    assert path is not None
    assert path.silent
    worker.tick(transport=1, flags=REPORT)
    worker.hold(3)
    worker.subscribers.take_score(1)
    worker.hold(3)
    assert scored(worker, 1) > 4.5


def test_whoever_gets_a_used_row_begins_anew() -> None:
    worker = Worker(1)
    worker.tick(transport=1, flags=REMB, remb_bps=5_000_000)
    worker.hold(3)
    worker.subscribers.close(1, worker.now)
    worker.subscribers.assign([7], stairs())
    worker.subscribers.open(7, worker.now)
    worker.hold(3)
    assert worker.subscribers.take_score(7) == (0.0, 0.0)
    assert worker.subscribers.take_score(1) == (0.0, 0.0)


def test_rows_are_tallied_whether_anybody_subscribes_or_not() -> None:
    worker = Worker()
    worker.tick(transport=1, flags=REPORT, sent_bytes=1000, sent_padding_bytes=10)
    assert (worker.subscribers.tally.media, worker.subscribers.tally.padding) == (1000, 10)
    worker.subscribers.assign([1], stairs())
    worker.subscribers.open(1, worker.now)
    worker.tick(transport=1, flags=REPORT, sent_bytes=1000)
    assert worker.subscribers.tally.media == 2000
    assert worker.subscribers.tally.probes > 0
