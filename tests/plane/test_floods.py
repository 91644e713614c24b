"""Strangers' datagrams at a real worker: answered with no more than they sent, and forgotten."""

import os
import random
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aioice import stun

from sfu._plane import Worker
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


def binding_request(chance: random.Random) -> bytes:
    """From somebody who has no password, for a user who may be there."""
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = f"{UFRAG if chance.random() < 0.5 else 'nobody'}:x"
    request.attributes["PRIORITY"] = 1
    request.attributes["ICE-CONTROLLING"] = chance.getrandbits(60)
    request.add_message_integrity(b"not the password")
    return bytes(request)


def bare_request(chance: random.Random) -> bytes:
    """The smallest there is: what an answer would have to be smaller than."""
    return struct.pack("!HHI12s", 1, 0, 0x2112A442, chance.randbytes(12))


def client_hello(chance: random.Random) -> bytes:
    """The head of one, in a record of DTLS 1.2; what is behind is random."""
    body = b"\x01" + chance.randbytes(150)
    return b"\x16\xfe\xfd" + bytes(8) + struct.pack("!H", len(body)) + body


def rtp(chance: random.Random) -> bytes:
    """To a random SSRC."""
    return struct.pack("!BBHII", 0x80, 96, 1, 1, chance.getrandbits(32)) + chance.randbytes(40)


def rtcp(chance: random.Random) -> bytes:
    """A request for a keyframe, of anybody."""
    return struct.pack("!BBHII", 0x81, 206, 2, chance.getrandbits(32), chance.getrandbits(32))


def rubbish(chance: random.Random) -> bytes:
    """Anything."""
    return chance.randbytes(chance.randrange(1, 1400))


@pytest.mark.parametrize(
    "make",
    [binding_request, bare_request, client_hello, rtp, rtcp, rubbish],
    ids=lambda make: make.__name__,
)
def test_a_flood_costs_nothing_lasting(
    worker: Worker, make: Callable[[random.Random], bytes]
) -> None:
    address = ("127.0.0.1", worker.port)
    worker.open_transport(1, UFRAG, PWD)
    chance = random.Random(make.__name__)
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
