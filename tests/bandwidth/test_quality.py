"""The score of a call: what lowers it, and that it is summed up by the second."""

import re
from pathlib import Path

import numpy as np
import pytest

from sfu.bandwidth.quality import Quality, mean, picture, sound

NOBODY = np.array([], dtype=np.int64)


def score(
    *,
    round_trip_us: float = 50_000,
    queue_us: float = 0,
    loss: float = 0,
    share: float = 1,
    silent: bool = False,
) -> float:
    quality = Quality(1)
    quality.hear(np.array([0]), NOBODY)
    if silent:
        quality.hear(NOBODY, np.array([0]))
    quality.advance(
        1.0,
        np.array([True]),
        round_trip_us=np.array([round_trip_us]),
        queue_us=np.array([queue_us]),
        loss=np.array([loss]),
        share=np.array([share]),
    )
    found = mean(*quality.take(0))
    assert found is not None
    return found


def test_a_clean_path_with_all_that_is_wanted_is_excellent() -> None:
    assert 4.8 < score() <= 5.0


@pytest.mark.parametrize(
    ("worse", "low", "high"),
    [
        ({"round_trip_us": 300_000}, 4.4, 4.8),
        ({"round_trip_us": 800_000}, 2.5, 3.8),
        ({"queue_us": 400_000}, 2.5, 4.0),
        ({"loss": 0.02}, 4.3, 4.8),
        ({"loss": 0.1}, 3.2, 4.0),
        ({"loss": 0.5}, 1.5, 2.5),
        ({"share": 0.5}, 4.1, 4.5),
        ({"share": 0.1}, 2.8, 3.4),
        ({"share": 0.0}, 2.2, 2.4),
        ({"silent": True}, 1.0, 1.0),
    ],
)
def test_what_lowers_it(worse: dict[str, float], low: float, high: float) -> None:
    assert low <= score(**worse) <= high  # type: ignore[arg-type]


def test_more_is_never_worse() -> None:
    shares = np.linspace(0, 1, 50)
    assert (np.diff(picture(shares)) > 0).all()
    assert picture(np.array([7.0, -1.0])).tolist() == [1.0, 0.0]
    losses, no = np.linspace(0, 1, 50), np.zeros(50)
    assert (np.diff(sound(no, no, losses)) <= 0).all()
    assert (np.diff(sound(np.linspace(0, 5e6, 50), no, no)) <= 0).all()
    assert sound(np.array([1e9]), np.zeros(1), np.ones(1)) == 0


def pass_time(quality: Quality, seconds: float, active: list[bool]) -> None:
    """On the best of paths."""
    count = len(active)
    quality.advance(
        seconds,
        np.array(active),
        round_trip_us=np.zeros(count),
        queue_us=np.zeros(count),
        loss=np.zeros(count),
        share=np.ones(count),
    )


def test_seconds_add_up_row_by_row() -> None:
    quality = Quality(3)
    quality.hear(np.array([0, 2]), NOBODY)
    pass_time(quality, 2.0, [True, True, True])
    pass_time(quality, 2.0, [False, True, True])
    quality.hear(NOBODY, np.array([2]))
    pass_time(quality, 4.0, [False, False, True])
    assert quality.take(0)[1] == 2.0
    assert quality.take(1) == (0.0, 0.0), "never heard of"
    total, seconds = quality.take(2)
    assert seconds == 8.0
    assert mean(total, seconds) == pytest.approx((score(round_trip_us=0) + 1) / 2)
    assert quality.take(2) == (0.0, 0.0), "taken once"
    quality.hear(np.array([2]), NOBODY)
    pass_time(quality, 1.0, [False, False, True])
    assert mean(*quality.take(2)) == pytest.approx(score(round_trip_us=0))
    assert mean(0.0, 0.0) is None


def test_a_row_that_is_used_again_begins_anew() -> None:
    quality = Quality(1)
    quality.hear(np.array([0]), NOBODY)
    pass_time(quality, 1.0, [True])
    quality.clear(0)
    pass_time(quality, 1.0, [True])
    assert quality.take(0) == (0.0, 0.0)


PAGE = Path(__file__).parents[2] / "docs" / "quality.md"


@pytest.mark.parametrize("line", re.findall(r"^\| (.+) \| ([\d.]+) \|$", PAGE.read_text(), re.M))
def test_the_examples_of_the_page_are_true(line: tuple[str, str]) -> None:
    calls: dict[str, dict[str, float]] = {
        "everything, round trip 50 ms": {},
        "everything, 2 % loss": {"loss": 0.02},
        "everything, round trip 300 ms": {"round_trip_us": 300_000},
        "half of the wanted rate": {"share": 0.5},
        "a tenth of it": {"share": 0.1},
        "sound alone, pictures paused": {"share": 0.0},
        "10 % loss": {"loss": 0.1},
    }
    name, said = line
    assert f"{score(**calls[name]):.1f}" == said  # type: ignore[arg-type]
