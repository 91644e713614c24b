"""Pictures that wait leave in turns by weight, one by one as if computed packet by packet."""

import numpy as np

from sfu.bench.simulator.pictures import PATIENCE, Pictures

ALWAYS = np.array([True])
NEVER = np.array([False])


def waiting(*weights: int) -> Pictures:
    return Pictures(np.array([weights]))


def push(pictures: Pictures, slot: int, frames: list[int], size: int = 1000) -> None:
    zero = np.zeros(len(frames), dtype=np.int64)
    pictures.push(zero, zero + size, zero + slot, np.array(frames), 0.1 * slot)


def take(pictures: Pictures, room: float, shared: np.ndarray = ALWAYS) -> list[tuple[int, int]]:
    (_, _, slot, frame), _ = pictures.take(np.array([room]), NEVER, shared)
    return list(zip(slot.tolist(), frame.tolist(), strict=True))


def test_streams_that_wait_share_by_weight() -> None:
    pictures = waiting(2, 1)
    for slot in (0, 1):
        push(pictures, slot, list(range(30)))
    sent = [each for _ in range(30) for each in take(pictures, 1000)]
    assert len(sent) == 30
    assert sum(slot == 0 for slot, _ in sent) == 20
    for slot in (0, 1):
        frames = [frame for which, frame in sent if which == slot]
        assert frames == list(range(len(frames)))


def test_who_needs_less_than_its_share_does_not_wait() -> None:
    pictures = waiting(1, 1)
    push(pictures, 0, list(range(50)))
    for turn in range(10):
        take(pictures, 3000)
        push(pictures, 1, [turn], 500)
        assert (1, turn) in take(pictures, 1000)


def test_turns_are_those_of_a_computation_packet_by_packet() -> None:
    generator = np.random.default_rng(4)
    weights = np.array([2, 1, 1])
    pictures = waiting(*weights.tolist())
    queues: list[list[tuple[int, int]]] = [[], [], []]
    turns, last = np.zeros(3), 0.0
    for number in range(300):
        for slot in np.flatnonzero(generator.random(3) < 0.6).tolist():
            size = int(generator.integers(100, 1200))
            push(pictures, slot, [number], size)
            queues[slot].append((size, number))
        budget = room = int(generator.integers(0, 2400))
        expected = []
        while some := [slot for slot in range(3) if queues[slot]]:
            turn, slot = min((max(turns[slot], last), slot) for slot in some)
            sent = 0
            while queues[slot] and sent + queues[slot][0][0] <= room:
                size, frame = queues[slot].pop(0)
                sent += size
                expected.append((slot, frame))
            room -= sent
            turns[slot], last = turn + sent / weights[slot], turn
            if queues[slot]:
                break
        else:
            last = max(last, turns.max())
        assert take(pictures, budget) == expected


def test_what_is_left_out_never_leaves_and_a_new_layer_is_told_of() -> None:
    pictures = waiting(1)
    push(pictures, 0, [0, 0, 1, 2, 3])
    assert take(pictures, 1000) == [(0, 0)]
    assert pictures.waiting(0, 0).tolist() == [1, 2, 3]
    pictures.begin(0, 0, 3)
    pictures.leave_out(0, 0, np.array([1, 2]))
    assert pictures.bytes.tolist() == [2000]
    assert take(pictures, 1000) == [(0, 0)]
    assert pictures.started == []
    assert take(pictures, 5000) == [(0, 3)]
    assert pictures.started == [(0, 0, 3)]
    assert take(pictures, 5000) == []
    assert pictures.started == []
    assert pictures.oldest(9.0).tolist() == [0.0]


def test_a_keyframe_is_through_before_what_came_after_it_unless_that_takes_long() -> None:
    pictures = waiting(2, 1)
    push(pictures, 0, [7] * 10)
    push(pictures, 1, [3])
    for _ in range(8):
        (_, _, slot, _), _ = pictures.take(np.array([1000.0]), NEVER, ALWAYS, PATIENCE - 0.01)
        assert slot.tolist() == [0]
    assert take(pictures, 1000) == [(1, 3)]
    assert take(pictures, 9000) == [(0, 7), (0, 7)]
