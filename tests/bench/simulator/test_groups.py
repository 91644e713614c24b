"""Groups of packets against goog_cc's rules, one packet at a time."""

import numpy as np

from sfu.bandwidth.rows import Records
from sfu.bench.simulator.groups import Groups

Packet = tuple[int, int, int]
"""Sent and received in microseconds, bytes."""


def deltas_one_by_one(packets: list[Packet]) -> list[tuple[int, int, int, int]]:
    """(send delta, arrival delta, arrival, size) as inter_arrival_delta computes them."""
    found = []
    before: tuple[int, int] | None = None
    first = last = came = first_came = size = -1
    for sent, received, length in packets:
        if first < 0:
            first, last, came, first_came, size = sent, sent, received, received, length
            continue
        if sent < first:
            continue
        later, apart = received - came, sent - last
        joins = apart == 0 or (
            later - apart < 0 and later <= 5000 and received - first_came < 100_000
        )
        if not joins and sent - first > 5000:
            if before is not None:
                found.append((last - before[0], came - before[1], came, size))
            before = last, came
            first, last, first_came, size = sent, sent, received, 0
        last = max(last, sent)
        came, size = received, size + length
    return found


def as_tuples(deltas: Records) -> list[tuple[int, int, int, int]]:
    names = "send_delta_us", "arrival_delta_us", "arrival_us", "size"
    return [tuple(int(each[name]) for name in names) for each in deltas]  # type: ignore[misc]


def test_deltas_are_those_of_a_packet_by_packet_computation() -> None:
    generator = np.random.default_rng(7)
    groups = Groups(4)
    rows = np.array([1, 3])
    streams: list[list[Packet]] = [[], []]
    collected: list[list[tuple[int, int, int, int]]] = [[], []]
    sent = np.array([0, 50_000])
    came = np.array([20_000, 90_000])
    for report in range(80):
        counts = generator.integers(0, 12, 2)
        width = max(int(counts.max()), 1)
        table = np.zeros((3, 2, width), dtype=np.int64)
        acked = np.zeros((2, width), dtype=bool)
        for row in range(2):
            for column in range(counts[row]):
                sent[row] += generator.choice([0, 300, 2000, 4000, 9000])
                came[row] = max(came[row], sent[row] + generator.integers(10_000, 30_000))
                size = int(generator.integers(100, 1200))
                table[:, row, column] = sent[row], came[row], size
                # One in eight got lost.
                acked[row, column] = generator.random() > 0.125
                if acked[row, column]:
                    streams[row].append((int(sent[row]), int(came[row]), size))
        groups.take(rows, table[0], table[1], table[2], acked)
        if report % 3 == 2:
            deltas, per_row = groups.collect(rows)
            assert per_row.sum() == len(deltas)
            collected[0] += as_tuples(deltas[: per_row[0]])
            collected[1] += as_tuples(deltas[per_row[0] :])
    deltas, per_row = groups.collect(rows)
    collected[0] += as_tuples(deltas[: per_row[0]])
    collected[1] += as_tuples(deltas[per_row[0] :])
    for row in range(2):
        wanted = deltas_one_by_one(streams[row])
        assert len(wanted) > 50
        assert collected[row] == wanted


def test_nothing_new_is_no_deltas() -> None:
    deltas, counts = Groups(2).collect(np.array([0, 1]))
    assert len(deltas) == 0
    assert counts.tolist() == [0, 0]
