"""Figures against goals."""

import dataclasses

import pytest

from sfu.bench.latency import Latencies
from sfu.bench.results import Floor, Forward, Latency, Steady, Thread

GOOD = Forward(
    attendees=200,
    presenters=1,
    seconds=10.0,
    packets=385_000,
    packets_per_second=38_500.0,
    delivered=1.001,
    us_per_packet=3.6,
    us_by_second=[3.5, 3.4, 9.0, 3.6, 3.5],
    threads=[Thread("1 plane", 0.14, 3.5)],
    lost=0,
    recovered=0,
    damaged=0,
    late=0,
    duplicates=0,
    verified=24_000,
    keyframes=1,
    keyframe_requests=0,
    video=Latency(2.0, 8.0, 12.0),
    audio=Latency(1.0, 4.0, 9.0),
    load_busy=0.2,
    stolen=0.01,
    bytes_per_subscriber=100 * 1024,
).with_floors([Floor(100, 2.9, 0), Floor(100, 3.1, 0)])


def test_the_ratio_is_to_the_mean_of_the_floors() -> None:
    assert GOOD.floor_us == 3.0
    assert GOOD.ratio is not None
    assert abs(GOOD.ratio - 1.2) < 1e-9
    without = GOOD.with_floors([])
    assert (without.floor_us, without.ratio) == (None, None)
    assert without.missed() == []


def test_the_median_leaves_disturbances_out() -> None:
    assert GOOD.us_median == 3.5


def test_every_goal_can_be_missed() -> None:
    assert GOOD.missed() == []
    for change, word in [
        ({"us_per_packet": 4.5}, "µs"),
        ({"us_per_packet": 4.9}, "floor"),
        ({"delivered": 0.7}, "70% of"),
        ({"lost": 1}, "lost"),
        ({"damaged": 1}, "damaged"),
        ({"video": Latency(2.0, 11.0, 12.0)}, "latency 11.0 ms"),
        ({"audio": Latency(2.0, 11.0, 12.0)}, "latency 11.0 ms"),
        ({"bytes_per_subscriber": 300 * 1024}, "300 KiB"),
    ]:
        missed = dataclasses.replace(GOOD, **change).missed()  # type: ignore[arg-type]
        assert any(word in text for text in missed), (change, missed)


def test_json_holds_everything() -> None:
    document = GOOD.to_json()
    assert document["ratio"] == GOOD.ratio
    assert document["video"] == {"p50": 2.0, "p99": 8.0, "most": 12.0}
    assert document["floors"][0] == {
        "packets": 100,
        "us_per_packet": 2.9,
        "lost": 0,
        "steady_us": None,
    }
    assert document["us_median"] == 3.5
    assert document["missed"] == []


def test_goals_are_of_the_time_when_the_machine_was_not_slow() -> None:
    calm = Steady(3.0, Latency(1.0, 4.0, 5.0), Latency(0.5, 2.0, 3.0), 0.9)
    floors = [Floor(100, 9.0, 0, 2.4), Floor(100, 2.5, 0, 2.6)]
    slow = dataclasses.replace(
        GOOD, us_per_packet=9.0, video=Latency(9.0, 99.0, 99.0), steady=calm
    ).with_floors(floors)
    assert slow.missed() == []
    assert (slow.cost_us, slow.steady_floor_us) == (3.0, 2.5)
    assert slow.steady_ratio == 1.2
    unknown = dataclasses.replace(slow, steady=dataclasses.replace(calm, us_per_packet=None))
    assert (unknown.cost_us, unknown.steady_ratio) == (9.0, None)
    assert dataclasses.replace(slow, steady=None).missed() != []


@pytest.mark.parametrize(("steady", "missed"), [({}, 3), ({"p50": 1.0, "p99": 2.0}, 0)])
def test_latencies_are_held_against_goals_where_the_machine_was_not_slow(
    steady: dict[str, float], missed: int
) -> None:
    slow = {"p50": 4.0, "p99": 90.0}
    result = Latencies(400, 1, 10.0, slow, slow, steady, steady, 0.9, 0.1, [], 0, 0.3)
    assert len(result.missed()) == missed
