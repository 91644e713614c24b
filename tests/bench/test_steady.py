"""What is left of a measurement without the time for which the machine was slow."""

from collections import defaultdict
from typing import TYPE_CHECKING, cast

from sfu.bench.forward import summary
from sfu.bench.room import Mark
from sfu.bench.shape import Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfu.bench._load import Snapshot

SHAPE = Shape(2)


def mark(number: int, *, slow_ms: int = 0, cpu_us: int, steady: int = 90) -> Mark:
    """After so many quarters of a second, with a hundred packets in each."""
    quantiles = {
        f"{prefix}{kind}_{name}_ns": 4_000_000 if prefix else 50_000_000
        for prefix in ("", "steady_")
        for kind in ("video", "audio")
        for name in ("p50", "p99", "max")
    }
    load: Mapping[str, int] = defaultdict(
        int,
        quantiles,
        now_ns=number * 250_000_000,
        video=100 * number,
        sent_video=50 * number,
        slow_ns=slow_ms * 1_000_000,
        video_timed=100,
        audio_timed=100,
        steady_video_timed=steady,
        steady_audio_timed=90,
    )
    return Mark(cast("Snapshot", load), {"1 plane": 1_000 * cpu_us}, 0.0)


def test_quarters_in_which_the_machine_was_slow_do_not_count() -> None:
    marks = [
        mark(0, cpu_us=0),
        mark(1, cpu_us=300),
        mark(2, cpu_us=1_500, slow_ms=30),
        mark(3, cpu_us=1_800, slow_ms=30),
        mark(4, cpu_us=2_100, slow_ms=30),
    ]
    result = summary(SHAPE, marks)
    assert result.us_per_packet == 5.25
    assert result.us_by_second == [5.25]
    assert result.slow == 0.03
    assert result.steady is not None
    assert result.steady.us_per_packet == result.cost_us == 3.0
    assert (result.steady.video.p99, result.video.p99) == (4.0, 50.0)
    assert result.steady.share == 0.9


def test_a_machine_that_is_slow_nearly_always_gives_nothing_steady() -> None:
    slow = [mark(number, cpu_us=900 * number, slow_ms=60 * number) for number in range(5)]
    result = summary(SHAPE, slow)
    assert result.steady is not None
    assert result.steady.us_per_packet is None
    assert result.cost_us == result.us_per_packet == 9.0
    few = [mark(number, cpu_us=900 * number, steady=39) for number in range(5)]
    assert summary(SHAPE, few).steady is None, "the smaller part does not speak for all"
