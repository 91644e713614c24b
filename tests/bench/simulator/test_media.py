"""Sources keep to their rates, and give keyframes when they are asked, but not too often."""

import numpy as np
import pytest

from sfu.bench.simulator.media import Frames, Kind, Source, Sources, wire_rate
from sfu.bench.simulator.packets import STEP


def make(*sources: Source) -> Sources:
    return Sources(sources, np.random.default_rng(4))


def run(sources: Sources, begin: float, end: float) -> list[tuple[float, Frames]]:
    steps = range(round(begin / STEP), round(end / STEP))
    return [(step * STEP, sources.step(step * STEP)) for step in steps]


def rates(frames: list[tuple[float, Frames]], seconds: float) -> np.ndarray:
    mean: np.ndarray = np.sum([each.size.sum(axis=0) for _, each in frames], axis=0) * 8 / seconds
    return mean


def test_a_camera_sends_each_layer_at_about_its_rate() -> None:
    frames = run(make(Source()), 0.0, 30.0)
    assert rates(frames, 30.0) == pytest.approx([150e3, 450e3, 1250e3], rel=0.1)
    count = sum(len(each.source) for _, each in frames)
    assert count == pytest.approx(900, abs=2)


def test_temporal_layers_take_their_shares() -> None:
    frames = run(make(Source()), 0.0, 30.0)
    top = [
        sum(each.size[each.temporal == layer, 2].sum() for _, each in frames) for layer in range(3)
    ]
    assert np.array(top) / sum(top) == pytest.approx([0.4, 0.2, 0.4], abs=0.03)


def test_a_keyframe_comes_when_asked_for_and_is_large() -> None:
    sources = make(Source())
    run(sources, 0.0, 1.0)
    assert sources.keyframes.sum() == 0
    for _ in range(50):
        sources.want(np.array([0]), np.array([2]))
    frames = run(sources, 1.0, 1.2)
    keys = [(time, each.size[0, 2]) for time, each in frames if each.key.any()]
    assert len(keys) == 1
    time, size = keys[0]
    assert 0.08 <= time - 1.0 <= 0.12
    assert 7 <= size / (1_250_000 / 8 / 30) <= 11
    assert sources.keyframes.tolist() == [[0, 0, 1]]


def test_a_crowd_gets_one_keyframe_in_two_seconds() -> None:
    sources = make(Source())
    for step in range(round(20.0 / STEP)):
        sources.want(np.array([0]), np.array([0]))
        sources.step(step * STEP)
    assert 8 <= sources.keyframes[0, 0] <= 10


def test_what_a_keyframe_cost_is_saved_afterwards() -> None:
    sources = make(Source(refresh=2.0))
    frames = run(sources, 0.0, 60.0)
    assert sources.keyframes[0, 2] in (29, 30)
    assert rates(frames, 60.0)[2] == pytest.approx(1_250_000, rel=0.12)


def test_a_publisher_changes_its_layers() -> None:
    sources = make(Source(changes=((1.0, (100e3,)),)))
    run(sources, 0.0, 1.0)
    after = run(sources, 1.0, 2.0)
    assert all((each.size[:, 1:] == 0).all() for _, each in after)


def test_a_screen_is_quiet_until_a_slide_turns() -> None:
    frames = run(make(Source(Kind.SCREEN, (400e3, 1.6e6), 15.0)), 0.0, 60.0)
    sizes = np.concatenate([each.size[:, 1] for _, each in frames])
    mean = 1.6e6 / 8 / 15
    assert np.median(sizes) < 0.1 * mean
    assert np.quantile(sizes, 0.97) > 0.7 * mean


def test_an_elastic_picture_is_encoded_at_what_is_said() -> None:
    sources = make(Source(Kind.ELASTIC, (300e3,)))
    sources.set_rate(np.array([0]), np.array([2e6]))
    assert rates(run(sources, 0.0, 30.0), 30.0)[0] == pytest.approx(2e6, rel=0.03)


def test_headers_are_counted() -> None:
    assert wire_rate(1_150_000.0, 30.0) > 1_150_000 * 1.03
    assert wire_rate(10_000.0, 30.0) == 10_000 + 30 * 40 * 8
