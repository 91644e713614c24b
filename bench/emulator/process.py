"""The process that is the link: packets out of one tunnel, through the model, into the other.

    python -m sfu.bench.emulator.process NEAR FAR LOG TRACE

The first three are inherited descriptors: of the tunnel devices, and of the file of what happened,
one JSON object per 100 ms, direction and line. `TRACE` is one of sfu.bench.trace. A byte on
standard input starts the trace; its end is the end of the process.
"""

import contextlib
import json
import os
import select
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final, TextIO

from sfu.bench import trace
from sfu.bench.emulator.bottleneck import BIN, Bin, Bottleneck

_READ: Final = 65_536
_AT_ONCE: Final = 64
"""Packets read from a tunnel before what is due is sent."""
_ECN: Final = 0b11
_NOT_CAPABLE: Final = 0b00


@dataclass(slots=True)
class Way:
    """One direction with the packets under way. `source` and `sink` are tunnels."""

    name: str
    bottleneck: Bottleneck
    source: int
    sink: int
    under_way: deque[tuple[float, bytes]] = field(default_factory=deque)
    late: float = 0.0
    """The most that a packet came out after its time since the last line of the log."""

    def read(self) -> None:
        """Takes what the kernel has for us."""
        for _ in range(_AT_ONCE):
            try:
                packet = os.read(self.source, _READ)
            except BlockingIOError:
                return
            if packet[0] >> 4 != 4:
                continue  # IPv6 discovers its neighbourhood; the link is IPv4.
            passage = self.bottleneck.offer(time.monotonic(), len(packet))
            if passage is not None:
                marked = mark(packet) if passage.congested else packet
                self.under_way.append((passage.at, marked))

    def send(self, now: float) -> None:
        """Hands out what is due."""
        while self.under_way and self.under_way[0][0] <= now:
            at, packet = self.under_way.popleft()
            self.late = max(self.late, now - at)
            # The other side may be gone already.
            with contextlib.suppress(OSError):
                os.write(self.sink, packet)

    @property
    def due(self) -> float:
        """When the next packet comes out."""
        return self.under_way[0][0] if self.under_way else float("inf")


def mark(packet: bytes) -> bytes:
    """The IPv4 packet with "congestion experienced" if its transport is capable (RFC 3168 §5)."""
    if packet[1] & _ECN == _NOT_CAPABLE:
        return packet
    header = bytearray(packet)
    header[1] |= _ECN
    # One word of the header has changed (RFC 1624 §3, equation 3).
    old, new = int.from_bytes(packet[:2]), int.from_bytes(header[:2])
    total = (~int.from_bytes(packet[10:12]) & 0xFFFF) + (~old & 0xFFFF) + new
    total = (total & 0xFFFF) + (total >> 16)
    header[10:12] = (~total & 0xFFFF).to_bytes(2)
    return bytes(header)


def run(ways: tuple[Way, Way], control: int, log: TextIO) -> None:
    """Is the link until `control` ends."""
    number = int(time.monotonic() / BIN)
    while True:
        now = time.monotonic()
        for way in ways:
            way.send(now)
        while (number + 1) * BIN <= now:
            write(log, ways, number)
            number += 1
        wake = min(*(way.due for way in ways), (number + 1) * BIN)
        sources = [way.source for way in ways]
        ready, _, _ = select.select([*sources, control], [], [], max(0.0, wake - time.monotonic()))
        for way in ways:
            if way.source in ready:
                way.read()
        if control in ready:
            if not os.read(control, 1):
                return
            for way in ways:
                way.bottleneck.start(time.monotonic())


def write(log: TextIO, ways: tuple[Way, Way], number: int) -> None:
    """The lines of one bin that is over."""
    for way in ways:
        log.write(json.dumps(line(way, number, way.bottleneck.take(number))) + "\n")
        way.late = 0.0
    log.flush()


def line(way: Way, number: int, content: Bin) -> dict[str, Any]:
    """The truth of one bin; times in monotonic seconds, waits in milliseconds."""
    waits = content.waits or [0.0]
    return {
        "way": way.name,
        "at": round(number * BIN, 3),
        "capacity_bps": round(way.bottleneck.capacity.at((number + 0.5) * BIN)),
        "sent_bps": round(8 * content.bytes / BIN),
        "packets": content.packets,
        "queue_ms": round(1000 * sum(waits) / len(waits), 3),
        "queue_most_ms": round(1000 * max(waits), 3),
        "dropped": content.dropped,
        "lost": content.lost,
        "marked": content.marked,
        "late_ms": round(1000 * way.late, 3),
    }


def main(words: list[str]) -> None:
    """Is the link."""
    near, far, output = map(int, words[:3])
    wanted = trace.parse(json.loads(words[3]))
    # Ahead of everything that computes: a late packet would be taken for congestion.
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    down, up = Bottleneck(wanted.down, seed=1), Bottleneck(wanted.up, seed=2)
    with os.fdopen(output, "w", encoding="utf-8") as log:
        run((Way("down", down, near, far), Way("up", up, far, near)), 0, log)


if __name__ == "__main__":
    main(sys.argv[1:])
