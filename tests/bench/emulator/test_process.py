"""Marks of congestion, and lines of the log; what the process does with packets is in test_link."""

import struct

from sfu.bench.emulator.bottleneck import Bottleneck
from sfu.bench.emulator.process import Way, line, mark
from sfu.bench.trace import Direction


def ipv4(ecn: int) -> bytes:
    """A header without options, with its checksum."""
    words = [0x4500 | ecn, 40, 0x1234, 0, 0x4011, 0, 0x0A00, 0x0001, 0x0A00, 0x0002]
    words[5] = ~checksum(words) & 0xFFFF
    return struct.pack(">10H", *words) + bytes(20)


def checksum(words: list[int]) -> int:
    """One's complement sum (RFC 1071)."""
    total = sum(words)
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_a_mark_keeps_the_checksum_right() -> None:
    for ecn in (0b01, 0b10, 0b11):
        marked = mark(ipv4(ecn))
        assert marked[1] & 0b11 == 0b11
        assert checksum(list(struct.unpack_from(">10H", marked))) == 0xFFFF


def test_who_is_not_capable_is_not_marked() -> None:
    assert mark(ipv4(0)) == ipv4(0)


def test_a_line_has_the_truth_of_its_bin() -> None:
    bottleneck = Bottleneck(Direction.of(capacity=1e6, queue=2500), seed=1)
    for _ in range(3):
        bottleneck.offer(0.0, 1250)
    assert line(Way("down", bottleneck, 0, 0), 0, bottleneck.take(0)) == {
        "way": "down",
        "at": 0.0,
        "capacity_bps": 1_000_000,
        "sent_bps": 200_000,
        "packets": 2,
        "queue_ms": 5.0,
        "queue_most_ms": 10.0,
        "dropped": 1,
        "lost": 0,
        "marked": 0,
        "late_ms": 0.0,
    }
