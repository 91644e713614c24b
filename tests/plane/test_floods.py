"""Strangers' datagrams at a real worker: answered with no more than they sent, and forgotten."""

import os
import random
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from sfu._plane import Worker
from sfu.bench.chaos.strangers import KINDS, binding_request
from tests.plane.test_worker import PWD, UFRAG, check, counted

DATAGRAMS = 20_000
STRANGERS = 50
GROWTH = 8 << 20
"""Bytes that the process may grow by meanwhile: far less than one thing kept of each datagram."""


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker(transports=8, video_ring=64, audio_ring=64)
    yield worker
    worker.stop()


@pytest.mark.parametrize(
    "make",
    [partial(binding_request, user=UFRAG), *KINDS[1:]],
    ids=[make.__name__ for make in KINDS],
)
def test_a_flood_costs_nothing_lasting(
    worker: Worker, make: Callable[[random.Random], bytes]
) -> None:
    address = ("127.0.0.1", worker.port)
    worker.open_transport(1, UFRAG, PWD)
    chance = random.Random(1)
    datagrams = [make(chance) for _ in range(DATAGRAMS // 20)]
    strangers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(STRANGERS)]
    before = resident()
    sent = received = 0
    for number in range(DATAGRAMS):
        stranger = strangers[number % STRANGERS]
        sent += stranger.sendto(datagrams[number % len(datagrams)], address)
        received += heard(stranger)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as guest:
        check(guest, address)  # whoever knows the password is served all the while
    counted(worker, "packets_in_stun", 1)
    received += sum(heard(stranger) for stranger in strangers)
    for stranger in strangers:
        stranger.close()
    assert received <= sent
    assert resident() - before < GROWTH
    assert len(worker.drain()) < 100, "nobody is told of each datagram"


def heard(stranger: socket.socket) -> int:
    """Bytes that have come back."""
    total = 0
    while True:
        try:
            total += len(stranger.recv(2048, socket.MSG_DONTWAIT))
        except BlockingIOError:
            return total


def resident() -> int:
    """Bytes of this process in memory, the worker's included."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
