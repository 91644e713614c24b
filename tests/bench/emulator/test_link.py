"""The link with real packets: what it carries, holds, delays and loses, and what it leaves."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from sfu.bench.emulator.link import FAR, NEAR, Link
from sfu.bench.trace import Direction, Trace

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[3]
PORT = 5000
HEADERS = 28
"""Bytes of IPv4 and UDP, which count at the bottleneck."""


def trace(down: Direction) -> Trace:
    return Trace("test", 60.0, down, Direction.of(delay=0.01))


def exchange(link: Link, count: int, rate: float, size: int = 1000) -> list[tuple[int, float]]:
    """Sends `count` packets of `size` bytes downwards, `rate` a second; gives number and seconds
    under way of each that came, in order of coming."""
    with link.near.entered():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with link.far.entered():
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        receiver.bind((FAR, PORT))
        receiver.settimeout(1.0)
    came: list[tuple[int, float]] = []

    def receive() -> None:
        while True:
            try:
                packet = receiver.recv(2048)
            except TimeoutError:
                return
            number, sent = packet[:32].split()[:2]
            came.append((int(number), time.monotonic() - float(sent)))

    with closing(sender), closing(receiver):
        thread = threading.Thread(target=receive)
        thread.start()
        begin = time.monotonic()
        for number in range(count):
            if (wait := begin + number / rate - time.monotonic()) > 0:
                time.sleep(wait)
            head = f"{number} {time.monotonic():.6f} ".encode()
            sender.sendto(head.ljust(size - HEADERS), (FAR, PORT))
        thread.join()
    return came


def test_delay_is_right_at_two_thousand_packets_a_second() -> None:
    with Link(trace(Direction.of(delay=0.02))) as link:
        came = exchange(link, 6000, 2000, size=200)
        rows = [row for row in link.truth() if row["way"] == "down" and row["packets"]]
    assert [number for number, _ in came] == list(range(6000))
    delays = sorted(seconds for _, seconds in came)
    assert delays[0] >= 0.02
    # The machine's other work delays sender and receiver of this test, too; that is not the link's.
    assert delays[3000] < 0.021
    late = sorted(row["late_ms"] for row in rows)
    assert late[int(0.9 * len(late))] < 2.0


def test_capacity_and_queue_bound() -> None:
    # 1 Mbit/s for twice as much; 50 ms of queue.
    down = Direction.of(capacity=1e6, queue_seconds=0.05, delay=0.01)
    with Link(trace(down)) as link:
        came = exchange(link, 1000, 250)
        rows = [row for row in link.truth() if row["way"] == "down" and row["packets"]]
    assert len(came) == pytest.approx(500, rel=0.03)
    middle = rows[5:-5]
    assert all(row["sent_bps"] == pytest.approx(1e6, rel=0.1) for row in middle)
    assert all(35 < row["queue_most_ms"] <= 50 for row in middle)
    # Some 12 are dropped in a tenth of a second; the last one may not have been told yet.
    assert sum(row["dropped"] for row in rows) == pytest.approx(1000 - len(came), abs=15)
    delays = sorted(seconds for _, seconds in came)
    assert 0.045 < delays[len(delays) // 2] < 0.065


def test_loss_on_the_way() -> None:
    with Link(trace(Direction.of(loss=0.1))) as link:
        came = exchange(link, 4000, 4000, size=100)
        lost = sum(row["lost"] for row in link.truth())
    assert lost == 4000 - len(came)
    assert lost == pytest.approx(400, rel=0.2)


def test_a_trace_runs_from_its_start() -> None:
    with Link(trace(Direction.of(capacity=((0.0, 1e6), (1.0, 4e5))))) as link:
        time.sleep(0.3)
        begin = link.start()
        time.sleep(1.5)
        rows = [row for row in link.truth() if row["way"] == "down"]
    before = {row["capacity_bps"] for row in rows if row["at"] < begin + 0.9}
    after = {row["capacity_bps"] for row in rows if row["at"] > begin + 1.1}
    assert (before, after) == ({1_000_000}, {400_000})


def test_both_ends_reach_each_other_by_tcp() -> None:
    with Link(trace(Direction.of(delay=0.01))) as link:
        with link.near.entered():
            server = socket.create_server((NEAR, PORT))
        with link.far.entered():
            begin = time.monotonic()
            client = socket.create_connection((NEAR, PORT), timeout=5)
        with closing(server), closing(client):
            assert 0.02 <= time.monotonic() - begin < 0.2


def test_nothing_is_left_of_one_that_was_killed() -> None:
    script = """
import os, time
from sfu.bench.emulator.link import Link
from sfu.bench.trace import Direction, Trace
with Link(Trace("t", 1.0, Direction())) as link:
    with link.near.entered():
        print(os.readlink("/proc/thread-self/ns/net"), link.process_id, flush=True)
    time.sleep(60)
"""
    words = [sys.executable, "-c", script]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        namespace, link = process.stdout.readline().split()
        assert namespace in namespaces()
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while Path("/proc", link).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path("/proc", link).exists()
    assert namespace not in namespaces()


def namespaces() -> set[str]:
    """Network namespaces that any process is in or holds."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            for link in [process / "ns" / "net", *(process / "fd").iterdir()]:
                found.add(os.readlink(link))
        except OSError:
            continue  # It has ended meanwhile.
    return found
