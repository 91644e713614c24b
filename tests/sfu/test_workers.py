"""Packet workers, real ones: one panics, another takes its port, the rest goes on."""

import socket
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sfu.config import MediaSettings
from sfu.transport import Timeouts
from sfu.workers import Workers
from tests.sfu.house import CERTIFICATE, House
from tests.waiting import until


@pytest.fixture
def rooms() -> House:
    house = House(workers=0)
    house.forwarders.clear()
    return house


@pytest_asyncio.fixture
async def workers(rooms: House) -> AsyncIterator[Workers]:
    workers = Workers(rooms.rooms, time.monotonic)
    media = MediaSettings(host="127.0.0.1", udp_port=0)
    workers.start(media, 2, CERTIFICATE, ["127.0.0.1"], Timeouts(path=30, handshake=15))
    yield workers
    workers.stop()
    assert rooms.forwarders == []


async def test_a_worker_that_panics_is_replaced_on_its_port(workers: Workers, rooms: House) -> None:
    lost, other = rooms.forwarders
    rooms.prepare()
    stage = rooms.live().open_stage()
    assert stage.forwarder is lost
    lost.worker.panic()
    await until(lambda: workers.restarts == 1)
    fresh = rooms.forwarders[0]
    assert fresh is not lost
    assert fresh.fault is None
    assert fresh.worker.port == lost.worker.port
    assert rooms.forwarders[1] is other
    assert stage.forwarder in (fresh, other)


async def test_a_port_that_another_has_is_tried_again(workers: Workers, rooms: House) -> None:
    lost, other = rooms.forwarders
    lost.fault = "for the test"
    lost.stop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as thief:
        thief.bind(("127.0.0.1", lost.worker.port))
        workers.tick(1000.0)
        assert (workers.restarts, rooms.forwarders) == (0, [lost, other])
        assert rooms.rooms.least_loaded() is other
    workers.tick(1000.5)
    assert workers.restarts == 0
    workers.tick(1001.0)
    assert workers.restarts == 1
    assert rooms.forwarders[0].worker.port == lost.worker.port


async def test_what_has_come_while_the_loop_was_held_up_is_not_overdue(
    workers: Workers, rooms: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    for forwarder in rooms.forwarders:
        monkeypatch.setattr(forwarder, "read", lambda now: done.append("read"))
        monkeypatch.setattr(forwarder, "tick", lambda now: done.append("tick"))
    workers.tick(time.monotonic())
    assert done == ["read", "tick"] * 2
