"""What subscribers may climb, and when that changes."""

import pytest

from sfu.bench.simulator.media import Kind, Source
from sfu.bench.simulator.pacer import AUDIO_RATE
from sfu.bench.simulator.scenario import (
    MEASURED,
    Scenario,
    Subscriber,
    View,
    capacity_at,
    known_layers,
    moments,
    stairs,
)
from sfu.bench.trace import Direction

CHANGING = Source(changes=((10.0, (100e3,)), (20.0, ())))
NEW = Source(Kind.SCREEN, (0.0, 0.0), changes=((5.0, (300e3, 1e6)),))


def watcher(**more: object) -> Subscriber:
    way = Direction.of(capacity=((0.0, 1e6), (3.0, 2e6)))
    return Subscriber(way, way, (View(0), View(1)), **more)  # type: ignore[arg-type]


def test_a_change_is_known_when_it_has_been_measured() -> None:
    assert len(known_layers(CHANGING, 10.0)) == 3
    assert known_layers(CHANGING, 10.0 + MEASURED) == (100e3,)
    assert known_layers(CHANGING, 30.0) == ()


def test_a_new_source_is_known_at_once() -> None:
    assert known_layers(NEW, 4.9) == (0.0, 0.0)
    assert known_layers(NEW, 5.0) == (300e3, 1e6)


def test_moments_are_those_of_its_sources_and_its_own() -> None:
    away = watcher(paused=((7.0, 8.0),))
    assert moments(away, (CHANGING, NEW)) == [5.0, 7.0, 8.0, 11.0, 21.0]


def test_stairs_lead_to_what_can_be_seen() -> None:
    subscriber = watcher(audio=2, paused=((40.0, 50.0),))
    sources = CHANGING, NEW
    assert set(stairs(subscriber, sources, 0.0).ends) == {"0"}
    both = stairs(subscriber, sources, 6.0)
    assert both.ends["0"].aim.spatial == 2
    assert both.ends["1"].aim.spatial == 1
    assert both.cumulative[0] == 2 * AUDIO_RATE
    assert set(stairs(subscriber, sources, 25.0).ends) == {"1"}
    assert stairs(subscriber, sources, 45.0).ends == {}


def test_a_ceiling_holds() -> None:
    staircase = stairs(watcher(ceiling=600_000.0), (Source(), Source()), 0.0)
    assert staircase.cumulative[-1] <= 600_000


def test_small_things() -> None:
    assert capacity_at(watcher(), 2.0) == 1e6
    assert capacity_at(watcher(), 4.0) == 2e6
    scenario = Scenario("x", 100.0, (), ())
    assert scenario.lasting(20.0).seconds == 20.0
    assert scenario.lasting(200.0).seconds == pytest.approx(100.0)
