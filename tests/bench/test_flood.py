"""Floods beside a call in small: a real server, strangers of every kind, and who is in the call."""

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest

from sfu.bench import flood, room
from sfu.bench.chaos import strangers
from sfu.bench.errors import BenchError
from sfu.bench.flood import CALM, DATAGRAMS, GOAL_GROWTH, JOINS, NAMES, Flood, Plan, Strangers, Wave
from sfu.bench.tables import remarks, tables


@pytest.fixture(autouse=True)
def _own_cores() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, before)


def test_who_is_in_a_call_loses_nothing_to_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "SETTLE", 0.1)
    monkeypatch.setattr(flood, "SETTLE", 0.05)
    monkeypatch.setattr(strangers, "SILENCE", 0.1)
    result = flood.measure(Plan(attendees=12, rate=20_000, seconds=0.1), lambda *_: None)
    assert [wave.kind for wave in result.waves] == [CALM, *NAMES]
    assert all(wave.sent > 0 for wave in result.waves[1:])
    harm = {wave.kind: (wave.lost, wave.damaged, list(wave.faults)) for wave in result.waves}
    assert harm == dict.fromkeys(harm, (0, 0, []))
    assert not [wave for wave in result.waves if wave.growth > wave.allowed_growth]


@pytest.mark.parametrize("kind", DATAGRAMS)
async def test_a_flood_reaches_the_media_port(kind: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port:
        port.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        port.bind(("127.0.0.1", 0))
        server = SimpleNamespace(udp_ports=[port.getsockname()[1]])
        come = Strangers(server, "theirs", Plan(1, 1200, 0.1))  # type: ignore[arg-type]  # a part
        sent = await come.come(kind)
        heard = [port.recv(2048, socket.MSG_DONTWAIT) for _ in range(sent)]
    assert 0 < len(heard) <= 120
    assert any(b"theirs:x" in each for each in heard) == (kind == "binding-request")


def test_a_kind_that_is_none_is_named() -> None:
    with pytest.raises(BenchError, match="teapots: unknown, one of binding-request"):
        flood.measure(Plan(1, 1000, 1.0, ["teapots"]), lambda *_: None)


def test_goals_are_told() -> None:
    good = Wave("rtp", 1.0, 20_000, 0.1, 0.1, 1.0, 0, 0, 0, 0, 0, 0.04, 0.01, 0, 0, [])
    bad = replace(
        good, us_each=9.0, lost=1, damaged=1, gap=0.2, growth=GOAL_GROWTH + 1, faults=["let in"]
    )
    result = Flood(Plan(1, 20_000, 1.0), [good, bad, replace(bad, kind=JOINS)])
    assert len(result.missed()) == 6 + 5, "the price of a join is not that of a datagram"
    assert result.to_json()["missed"][0] == "rtp: 1 packets lost"


def test_waves_are_shown() -> None:
    wave = Wave("rtp", 2.0, 40_000, 0.1, 0.1, 1.5, 3, 0, 7, 11, 2, 0.04, 0.01, 1 << 20, 0, [])
    calm = replace(wave, kind=CALM, sent=0)
    result = Flood(Plan(16, 20_000, 2.0), [calm, wave]).to_json()
    ((_, first, second),) = tables("flood", result)
    assert first[:2] + first[4:5] == [CALM, "0", "-"]
    assert second[0:9] == ["rtp", "20,000", "10.0%", "10.0%", "1.5", "3", "7", "11", "40"]
    assert remarks("flood", result)[0].endswith("4 dropped at attendees' sockets")
