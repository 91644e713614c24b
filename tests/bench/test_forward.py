"""A whole measurement in small: real server, real transports, every packet accounted for."""

import os
from collections.abc import Iterator

import pytest

from sfu.bench.errors import BenchError, ClientError
from sfu.bench.forward import Plan, measure
from sfu.bench.shape import Shape

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def _own_cores() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, before)


def test_everybody_gets_everything() -> None:
    heard: list[str] = []
    result = measure(Plan(Shape(18), 2.0, floor=False), lambda name, _: heard.append(name))
    wrong = {
        "lost": result.lost,
        "damaged": result.damaged,
        "twice": result.duplicates,
        "dropped": result.dropped,
        "recovered": result.recovered,
    }
    assert wrong == dict.fromkeys(wrong, 0)
    # Two of eighteen verify: from the first packet on, not only while measured.
    assert result.verified > result.packets / 9
    # 30 frames of four or five packets and 50 of sound.
    assert 18 * 150 < result.packets / result.seconds < 18 * 230
    assert 0.9 < result.delivered < 1.1
    assert 0 < result.video.p50 <= result.video.p99 <= result.video.most
    assert 0 < result.audio.p50 <= result.audio.p99 <= result.audio.most
    assert 0 < result.us_per_packet < 1000
    assert len(result.us_by_second) == 2
    assert min(result.us_by_second) <= result.us_per_packet <= max(result.us_by_second)
    assert result.ratio is None
    assert {"joining", "settling", "forwarding"} <= set(heard)


def test_several_presenters_are_received_side_by_side() -> None:
    result = measure(Plan(Shape(4, cameras=2), 1.0, floor=False), lambda *_: None)
    assert (result.lost, result.damaged, result.duplicates) == (0, 0, 0)
    # The sound of both and a picture at least; both pictures when the room's budget allows.
    assert result.packets / result.seconds > 4 * (2 * 45 + 30 * 2.5)


def test_a_server_that_lets_nobody_in_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SFU_LIMITS__PARTICIPANTS_PER_ROOM", "3")
    with pytest.raises(ClientError, match=r"attendee \d: join refused: room_full"):
        measure(Plan(Shape(6), 1.0, floor=False), lambda *_: None)


def test_the_floor_stands_beside_it() -> None:
    result = measure(Plan(Shape(4), 1.0), lambda *_: None)
    assert len(result.floors) == 2
    assert result.ratio is not None
    assert [each.lost for each in result.floors] == [0, 0]


def test_too_many_for_the_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (64, 128))
    with pytest.raises(BenchError, match="open files"):
        measure(Plan(Shape(100), 1.0), lambda *_: None)
