"""What passes to subscribers: layers begin with keyframes, temporal layers with base frames."""

import numpy as np

from sfu.bench.simulator.media import Frames, Source, Sources
from sfu.bench.simulator.packets import PAYLOAD
from sfu.bench.simulator.slots import Forwarded, Slots
from sfu.receiver import Descent


def frame(temporal: int = 0, key: int = -1, size: int = 3000) -> Frames:
    """One of source 0; `key` is the layer that has a keyframe."""
    keys = np.arange(3)[None, :] == key
    sizes = np.array([[size, 2 * size, 3 * size]])
    return Frames(np.array([0]), sizes, np.array([temporal]), keys)


def target(
    slots: Slots,
    row: int,
    spatial: int,
    temporal: int = 7,
    descent: Descent = Descent.AS_IT_WAS,
) -> None:
    slots.set_target(*(np.array([each]) for each in (row, 0, spatial, temporal)), descent=descent)


def rows(forwarded: Forwarded) -> list[int]:
    return [int(row) for row in forwarded.row]


def test_a_layer_begins_with_its_keyframe() -> None:
    slots = Slots([[0], [0]])
    target(slots, 0, 1)
    assert rows(slots.forward(frame())) == []
    assert rows(slots.forward(frame(key=0))) == []
    first = slots.forward(frame(key=1))
    assert rows(first) == [0]
    assert first.size.tolist() == [6000]
    assert first.key.tolist() == [True]
    target(slots, 0, 2)
    assert slots.forward(frame()).size.tolist() == [6000]
    assert slots.forward(frame(key=2)).size.tolist() == [9000]
    assert slots.switches[0, 0] == 2
    assert slots.frames[:, 0].tolist() == [3, 0]


def test_temporal_layers_fall_at_once_and_rise_with_a_base_frame() -> None:
    slots = Slots([[0]])
    target(slots, 0, 0)
    slots.forward(frame(key=0))
    assert rows(slots.forward(frame(temporal=2))) == [0]
    target(slots, 0, 0, 0)
    assert rows(slots.forward(frame(temporal=1))) == []
    target(slots, 0, 0, 1)
    assert rows(slots.forward(frame(temporal=1))) == []
    assert rows(slots.forward(frame(temporal=0))) == [0]
    assert rows(slots.forward(frame(temporal=1))) == [0]
    assert rows(slots.forward(frame(temporal=2))) == []


def test_a_pause_is_at_once() -> None:
    slots = Slots([[0]])
    target(slots, 0, 0)
    slots.forward(frame(key=0))
    target(slots, 0, -1)
    assert rows(slots.forward(frame(key=0))) == []


def test_a_higher_layer_ends_as_it_is_told_to() -> None:
    slots = Slots([[0], [0], [0]])
    for row in range(3):
        target(slots, row, 1)
    slots.forward(frame(key=1))
    slots.left_out.clear()
    for row, descent in enumerate((Descent.AS_IT_WAS, Descent.SLOWED, Descent.AT_ONCE)):
        target(slots, row, 0, 7, descent)
    assert slots.left_out == [(1, 0, 0), (2, 0, -1)]
    assert rows(slots.forward(frame(temporal=2))) == [0]
    assert rows(slots.forward(frame(temporal=0))) == [0, 1]
    assert rows(slots.forward(frame(key=0))) == [0, 1, 2]
    assert slots.switched == [
        (0, 0, 3, True, False),
        (1, 0, 2, True, False),
        (2, 0, 1, False, True),
    ]
    assert rows(slots.forward(frame(temporal=2))) == [0, 2]
    assert slots.switched == []
    assert rows(slots.forward(frame(temporal=0))) == [0, 1, 2]
    assert rows(slots.forward(frame(temporal=2))) == [0, 1, 2]


def test_who_waits_asks() -> None:
    sources = Sources([Source(), Source()], np.random.default_rng(1))
    slots = Slots([[1], [0]])
    slots.ask(sources)
    sources.step(0.0)
    assert not np.isfinite(sources._key_at).any()
    target(slots, 0, 2)
    slots.ask(sources)
    sources.step(0.005)
    assert np.argwhere(np.isfinite(sources._key_at)).tolist() == [[1, 2]]


def test_packets_of_a_frame_are_equal_and_hold_it() -> None:
    slots = Slots([[0]])
    target(slots, 0, 0)
    forwarded = slots.forward(frame(key=0, size=3 * PAYLOAD + 10))
    index, size = forwarded.packetise()
    assert index.tolist() == [0, 0, 0, 0]
    assert len(set(size.tolist())) == 1
    assert size.sum() >= 3 * PAYLOAD + 10
