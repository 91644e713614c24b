"""The scenarios: cases of RFC 8867 (by section), what befalls an SFU, and what single bars need."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from sfu.bench.simulator.media import SIMULCAST, Kind, Source
from sfu.bench.simulator.scenario import (
    SCREEN_PRIORITY,
    SPEAKER_PRIORITY,
    Scenario,
    Subscriber,
    View,
)
from sfu.bench.trace import Direction, Steps
from sfu.bench.trace import recorded as traces

DELAY: Final = 0.025
"""Seconds each way: a round trip of 50 ms."""
QUEUE: Final = 0.3
"""Seconds that a full queue lasts."""

ELASTIC: Final = Source(Kind.ELASTIC, (300_000.0,))
CAMERA: Final = Source()
SMALL_CAMERA: Final = Source(layers=(150_000.0, 350_000.0, 750_000.0))


def down(
    capacity: float | Steps,
    *,
    delay: float | Steps = DELAY,
    queue: float = QUEUE,
    loss: float = 0.0,
    jitter: float = 0.0,
) -> Direction:
    """A way to a subscriber whose queue lasts `queue` seconds at any capacity."""
    return Direction.of(
        capacity=capacity, delay=delay, queue_seconds=queue, loss=loss, jitter=jitter
    )


def up(
    *, delay: float | Steps = DELAY, loss: float = 0.0, capacity: float | Steps = math.inf
) -> Direction:
    queue = None if capacity == math.inf else QUEUE
    return Direction.of(capacity=capacity, delay=delay, loss=loss, queue_seconds=queue)


def elastic(way: Direction, most: float, **more: object) -> Subscriber:
    """Somebody who watches a picture that takes up to `most` bit/s, whatever there is."""
    options: dict[str, object] = {"up": up(), "audio": 1, **more}
    return Subscriber(way, views=(View(0),), elastic=most, **options)  # type: ignore[arg-type]


def viewer(way: Direction, count: int, **more: object) -> Subscriber:
    """Somebody who watches the first `count` sources, the first of them speaks."""
    views = tuple(View(index, 0 if index else SPEAKER_PRIORITY) for index in range(count))
    options: dict[str, object] = {"up": up(), "audio": count, **more}
    return Subscriber(way, views=views, **options)  # type: ignore[arg-type]


def one(
    name: str,
    seconds: float,
    subscriber: Subscriber,
    *sources: Source,
    disturbed: tuple[float, ...] = (),
) -> Scenario:
    return Scenario(name, seconds, sources, (subscriber,), disturbed=disturbed)


# What single bars need


def startup() -> list[Scenario]:
    small = Source(layers=(100_000.0,))
    return [
        one("startup 2.5M", 20, viewer(down(3e6), 2), CAMERA, CAMERA),
        one("startup 1.5M", 20, viewer(down(3e6), 2), CAMERA, small),
        one("startup 0.5M link", 20, viewer(down(0.5e6), 2), CAMERA, CAMERA),
    ]


def steps() -> list[Scenario]:
    rise: Steps = ((0.0, 1e6), (25.0, 2.5e6))
    fall: Steps = ((0.0, 2.5e6), (20.0, 0.6e6))
    back: Steps = ((0.0, 2.5e6), (15.0, 0.6e6), (30.0, 2.5e6))
    layers = CAMERA, SMALL_CAMERA
    return [
        one("back", 50, viewer(down(back), 2), *layers, disturbed=(15.0, 30.0)),
        one("back, elastic", 50, elastic(down(back), 6e6), ELASTIC, disturbed=(15.0, 30.0)),
        one("rise", 50, elastic(down(rise), 6e6), ELASTIC, disturbed=(25.0,)),
        one("rise, layers", 50, viewer(down(rise), 2), *layers, disturbed=(25.0,)),
        one("drop", 50, viewer(down(fall), 2), *layers, disturbed=(20.0,)),
        one("drop, elastic", 50, elastic(down(fall), 6e6), ELASTIC, disturbed=(20.0,)),
    ]


def steady() -> list[Scenario]:
    return [
        one("steady", 600, elastic(down(4e6), 8e6), ELASTIC),
        one("steady, layers", 600, viewer(down(4e6), 4), CAMERA, CAMERA, CAMERA, CAMERA),
    ]


def losses() -> list[Scenario]:
    return [
        one(f"loss {loss:.0%}{name}", 120, elastic(down(4e6, loss=loss), most), ELASTIC)
        for loss in (0.02, 0.05, 0.10)
        for name, most in (("", 3e6), (", backlogged", 8e6))
    ]


def jitters() -> list[Scenario]:
    way = down(4e6, jitter=0.03)
    return [
        one("jitter", 120, elastic(way, 2.5e6), ELASTIC),
        one("jitter, backlogged", 120, elastic(way, 8e6), ELASTIC),
        one("loss in bursts", 120, elastic(down(4e6), 3e6, bursts=(0.02, 0.04)), ELASTIC),
    ]


def pause() -> list[Scenario]:
    away = ((20.0, 40.0),)
    way = down(4e6)
    return [
        one("pause", 60, viewer(way, 2, paused=away), CAMERA, CAMERA, disturbed=(20.0, 40.0)),
    ]


def flapping() -> list[Scenario]:
    capacities = 0.4e6, 0.7e6, 1.1e6, 1.6e6, 2.3e6, 3.2e6
    return [
        one(f"constant {rate / 1e6:.1f}M", 600, viewer(down(rate), 3), CAMERA, CAMERA, CAMERA)
        for rate in capacities
    ]


def crowd() -> list[Scenario]:
    """A webinar's audience comes in within five seconds, on links of all kinds."""
    sources = CAMERA, CAMERA, CAMERA, CAMERA
    capacities = 0.5e6, 1e6, 1.5e6, 2e6, 2.5e6, 3e6, 4e6, 5e6, 6e6, 8e6
    audience = tuple(
        viewer(down(rate), 4, start=0.25 * index, audio=2)
        for index, rate in enumerate(2 * capacities)
    )
    return [Scenario("crowd", 120, sources, audience)]


def room(count: int = 1_000, seconds: float = 60.0) -> list[Scenario]:
    """One room whose audience has links of all kinds, some lossy, some with jitter, some slow."""
    capacities = 0.5e6, 0.8e6, 1.2e6, 1.8e6, 2.5e6, 3.5e6, 5e6, 8e6, 20e6
    delays = 0.01, 0.025, 0.06, 0.12
    losses = 0.0, 0.0, 0.0, 0.0, 0.01, 0.0, 0.05
    audience = tuple(
        viewer(
            down(
                capacities[index % 9],
                delay=delays[index % 4],
                loss=losses[index % 7],
                jitter=0.0 if index % 5 else 0.02,
            ),
            4,
            audio=2,
            start=5.0 * index / count,
            up=up(delay=delays[index % 4]),
        )
        for index in range(count)
    )
    return [Scenario("room", seconds, (CAMERA,) * 4, audience)]


Profile = tuple[str, float, int, tuple[Source, ...]]

_SD: Final = Source(layers=(120_000.0, 350_000.0, 850_000.0))
_HD: Final = Source(layers=(150_000.0, 500_000.0, 1_750_000.0))
PROFILES: Final[tuple[Profile, ...]] = (
    ("audio", 0.512e6, 4, ()),
    ("SD", 1.512e6, 1, (_SD,)),
    ("HD", 2.512e6, 1, (_HD,)),
    ("screen lite", 2e6, 1, (Source(Kind.SCREEN, (400_000.0, 1_600_000.0), 15.0),)),
    ("screen HQ", 5e6, 1, (Source(Kind.SCREEN, (800_000.0, 4_200_000.0), 15.0),)),
    *((f"{count} cameras", count * 1.5e6, count, (_SD,) * count) for count in range(3, 8)),
)
"""Name, bit/s of the budget, microphones and pictures of the call types."""


def budget(profile: Profile, part: float) -> Scenario:
    """A call type on a link with that part of its budget."""
    name, budget_bps, audio, sources = profile
    views = tuple(View(index, _priority(source, index)) for index, source in enumerate(sources))
    subscriber = Subscriber(down(part * budget_bps), up(), views, audio=audio, ceiling=budget_bps)
    return Scenario(f"{name} x {part:.2f}", 40, sources, (subscriber,))


def budgets() -> list[Scenario]:
    return [budget(profile, 1.15) for profile in PROFILES]


def tight() -> list[Scenario]:
    names = "HD", "screen lite", "4 cameras", "7 cameras"
    chosen = [profile for profile in PROFILES if profile[0] in names]
    return [budget(profile, part) for profile in chosen for part in (0.2, 0.4, 0.7)]


def _priority(source: Source, index: int) -> int:
    if source.kind is Kind.SCREEN:
        return SCREEN_PRIORITY
    return 0 if index else SPEAKER_PRIORITY


# RFC 8867


def variable() -> list[Scenario]:
    """5.1 to 5.3"""
    first: Steps = ((0.0, 1e6), (40.0, 2.5e6), (60.0, 0.6e6), (80.0, 1e6))
    second: Steps = ((0.0, 4e6), (25.0, 2e6), (50.0, 3.5e6), (75.0, 1e6), (100.0, 2e6))
    third: Steps = ((0.0, 2e6), (20.0, 1e6), (40.0, 0.5e6), (60.0, 2e6))
    back = up(capacity=((0.0, 2e6), (35.0, 0.8e6), (70.0, 2e6)))
    pair = elastic(down(second), 2.5e6, link=0)
    congested = elastic(down(third), 2.5e6, up=back)
    return [
        one("5.1 variable", 100, elastic(down(first), 2.5e6), ELASTIC, disturbed=(40, 60, 80)),
        Scenario("5.2 variable, two", 125, (ELASTIC, ELASTIC), shared(pair, (0, 0))),
        Scenario("5.3 feedback", 100, (ELASTIC,), (congested,), reverse=True),
    ]


def fairness() -> list[Scenario]:
    """5.4, 5.5"""
    equal = elastic(down(3.5e6), 2.5e6, link=0)
    delays = 0.01, 0.025, 0.05, 0.1, 0.15
    unequal = tuple(
        elastic(down(4e6, delay=delay), 2.5e6, link=0, up=up(delay=delay), start=10.0 * index)
        for index, delay in enumerate(delays)
    )
    return [
        Scenario("5.4 fairness", 120, (ELASTIC,) * 3, shared(equal, (0, 20, 40))),
        Scenario("5.5 round trips", 300, (ELASTIC,) * 5, own_source(unequal)),
    ]


def tcp() -> list[Scenario]:
    """5.6, 5.7"""
    short = tuple((0, 2.0, 8.0) for _ in range(10))
    pair = elastic(down(2e6), 2.5e6, link=0)
    return [
        Scenario("5.6 TCP", 120, (ELASTIC,), (elastic(down(2e6), 2.5e6),), ((0, 10.0, 0.0),)),
        Scenario(
            "5.6 TCP, long queue",
            120,
            (ELASTIC,),
            (elastic(down(2e6, queue=1.0), 2.5e6),),
            ((0, 10.0, 0.0),),
        ),
        Scenario("5.7 short TCP", 300, (ELASTIC, ELASTIC), shared(pair, (0, 0)), short),
    ]


def resume() -> list[Scenario]:
    """5.8"""
    three = [elastic(down(3.5e6), 2.5e6, link=0) for _ in range(2)]
    paused = elastic(down(3.5e6), 2.5e6, link=0, paused=((40.0, 60.0),))
    return [Scenario("5.8 pause", 120, (ELASTIC,) * 3, own_source((three[0], paused, three[1])))]


def shared(subscriber: Subscriber, starts: tuple[float, ...]) -> tuple[Subscriber, ...]:
    """As many of the same who join at these times."""
    return own_source(tuple(replace(subscriber, start=start) for start in starts))


def own_source(subscribers: tuple[Subscriber, ...]) -> tuple[Subscriber, ...]:
    """The n-th watches the n-th source."""
    return tuple(replace(each, views=(View(index),)) for index, each in enumerate(subscribers))


# What befalls an SFU


def events() -> list[Scenario]:
    layers = CAMERA, SMALL_CAMERA
    screen = Source(Kind.SCREEN, (0.0, 0.0), 15.0, changes=((20.0, (300_000.0, 1_500_000.0)),))
    with_screen = Subscriber(
        down(2e6), up(), (View(0, SPEAKER_PRIORITY), View(1, SCREEN_PRIORITY)), audio=2
    )
    louder = Source(
        changes=((20.0, (150_000.0, 450_000.0)), (40.0, SIMULCAST), (60.0, (250e3, 700e3, 1.6e6)))
    )
    lte: Steps = ((0.0, 0.01), (30.0, 0.04))
    handover = viewer(down(((0.0, 6e6), (30.0, 1.5e6)), delay=lte), 2, up=up(delay=lte))
    outage: Steps = ((0.0, 3e6), (30.0, 0.0), (32.0, 3e6))
    return [
        one(
            "keyframe burst",
            100,
            viewer(down(2.5e6), 2),
            Source(refresh=4.0),
            Source(layers=SMALL_CAMERA.layers, refresh=4.0),
        ),
        one(
            "publisher's layers",
            100,
            viewer(down(3e6), 2),
            louder,
            SMALL_CAMERA,
            disturbed=(20, 40, 60),
        ),
        one("screen starts", 100, with_screen, CAMERA, screen, disturbed=(20.0,)),
        one("feedback lost", 100, viewer(down(2.5e6), 2, up=up(loss=0.05)), *layers),
        one("outage", 100, viewer(down(outage, queue=0.3), 2), *layers, disturbed=(30.0, 32.0)),
        one("Wi-Fi to LTE", 100, handover, CAMERA, CAMERA, disturbed=(30.0,)),
    ]


def recorded() -> list[Scenario]:
    """What mobile networks carried."""
    sources = CAMERA, SMALL_CAMERA, SMALL_CAMERA
    return [
        one(name, trace.seconds, viewer(trace.down, 3, up=trace.up), *sources)
        for name, trace in traces().items()
    ]


GROUPS: Final[dict[str, Callable[[], list[Scenario]]]] = {
    "startup": startup,
    "steps": steps,
    "steady": steady,
    "losses": losses,
    "jitter": jitters,
    "pause": pause,
    "flapping": flapping,
    "crowd": crowd,
    "room": room,
    "budgets": budgets,
    "tight": tight,
    "variable": variable,
    "fairness": fairness,
    "tcp": tcp,
    "resume": resume,
    "events": events,
    "recorded": recorded,
}
"""Groups of scenarios by name."""
ASKED_FOR: Final = frozenset({"room"})
"""Groups that run only when they are named: a seed of them is as much as all the others."""
