"""What is shown, what is passed over, and when a picture counts as frozen."""

import math

import numpy as np
import pytest

from sfu.bench.simulator.packets import VIDEO, Packets
from sfu.bench.simulator.playback import Playback
from sfu.bench.simulator.slots import Forwarded


class Viewer:
    """One row and slot."""

    def __init__(self) -> None:
        self.playback = Playback((1, 1))
        self.count = 0
        self.asked = 0

    def frame(self, arrival: float, temporal: int = 0, key: bool = False, packets: int = 1) -> int:
        """A frame whose last packet arrives then; infinite for one that is missing."""
        number = self.count
        self.count += 1
        zero = np.array([0])
        forwarded = Forwarded(
            zero, zero, np.array([number]), np.array([1000]), np.array([temporal]), np.array([key])
        )
        forwarded.packets = np.array([packets])
        self.playback.expect(forwarded)
        for _ in range(packets):
            self.arrive(number, arrival)
        return number

    def arrive(self, number: int, arrival: float) -> None:
        none = np.zeros(1, dtype=np.int64)
        at = np.array([arrival])
        packet = Packets(none, none, none + VIDEO, none, none + number, at, none, at, at)
        self.playback.arrive(packet, np.array([True]))

    def run(self, begin: float, end: float) -> int:
        """Frames shown until `end`."""
        for step in range(round(begin / 0.005), round(end / 0.005) + 1):
            rows, _ = self.playback.step(step * 0.005)
            self.asked += len(rows)
        return int(self.playback.shown[0, 0])


def test_frames_are_shown_when_they_are_there() -> None:
    viewer = Viewer()
    viewer.frame(0.05, key=True, packets=3)
    viewer.frame(0.08)
    assert viewer.run(0.0, 0.04) == 0
    assert viewer.run(0.04, 0.06) == 1
    assert viewer.run(0.06, 0.1) == 2
    assert viewer.playback.events == []


def test_a_base_frame_is_waited_for() -> None:
    viewer = Viewer()
    viewer.frame(0.05, key=True)
    missing = viewer.frame(math.inf, packets=1)
    viewer.frame(0.1, temporal=1)
    assert viewer.run(0.0, 0.4) == 1
    viewer.arrive(missing, 0.41)
    assert viewer.run(0.4, 0.45) == 3
    assert [round(length, 2) for *_, length in viewer.playback.events] == [0.36]
    assert viewer.playback.frozen[0, 0] == pytest.approx(0.36)


def test_a_frame_that_nothing_depends_on_is_passed_over() -> None:
    viewer = Viewer()
    viewer.frame(0.05, key=True)
    viewer.frame(math.inf, temporal=2)
    viewer.frame(0.1, temporal=0)
    assert viewer.run(0.0, 0.12) == 2
    assert viewer.playback.events == []


def test_after_a_second_a_keyframe_is_asked_for_and_goes_on() -> None:
    viewer = Viewer()
    viewer.frame(0.05, key=True)
    viewer.frame(math.inf)
    viewer.frame(0.1)
    viewer.run(0.0, 1.0)
    assert viewer.asked == 0
    viewer.run(1.0, 1.2)
    assert viewer.asked == 1
    viewer.frame(1.25, key=True)
    viewer.frame(1.28)
    assert viewer.run(1.2, 1.3) == 3
    assert viewer.playback.longest[0, 0] == pytest.approx(1.2)


def test_a_keyframe_needs_nothing_before_it() -> None:
    viewer = Viewer()
    viewer.frame(0.05, key=True)
    viewer.frame(math.inf)
    viewer.frame(0.2, key=True)
    assert viewer.run(0.0, 0.21) == 2


def test_what_the_sender_leaves_out_is_no_hole() -> None:
    viewer = Viewer()
    viewer.frame(0.05, key=True)
    dropped = viewer.frame(math.inf)
    viewer.playback.drop(0, 0, np.array([dropped]))
    viewer.frame(0.1, key=True)
    assert viewer.run(0.0, 0.12) == 2


def test_what_is_not_looked_at_is_not_frozen() -> None:
    viewer = Viewer()
    viewer.frame(0.05, key=True)
    viewer.run(0.0, 0.1)
    viewer.playback.pause(np.array([0]), np.array([0]))
    viewer.frame(20.0, key=True)
    viewer.run(0.1, 20.1)
    assert viewer.playback.events == []
