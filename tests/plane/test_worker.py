"""The worker from Python: its arguments, queues, reports, counters and end."""

import asyncio
import errno
import re
import select
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aioice import stun

from sfu import _plane
from sfu._plane import Closed, PathUp, PlaneBusy, Refused, Report, Worker
from sfu.bandwidth.rows import DELTA, FEEDBACK, RATES, START_PROBE

UFRAG = "server"
PWD = "a-password-of-22-bytes"


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker(transports=8, video_ring=64, audio_ring=64)
    yield worker
    worker.stop()


def readable(fileno: int, seconds: float = 2) -> bool:
    return bool(select.select([fileno], [], [], seconds)[0])


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 3
    while not condition():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.01)


def counted(worker: Worker, name: str, least: int) -> int:
    """The counter, once it has come to `least` (they are published five times a second)."""
    end = time.monotonic() + 3
    while (value := worker.counters()[name]) < least and time.monotonic() < end:
        time.sleep(0.01)
    return value


def reports(worker: Worker, count: int = 1) -> list[Report]:
    """At least `count` reports."""
    collected: list[Report] = []
    while len(collected) < count and readable(worker.fileno):
        collected += worker.drain()
    return collected


def check(fd: socket.socket, address: tuple[str, int]) -> stun.Message:
    """The answer to an ICE binding check."""
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = f"{UFRAG}:client"
    request.attributes["PRIORITY"] = 1
    request.attributes["ICE-CONTROLLING"] = 1
    request.attributes["USE-CANDIDATE"] = None
    request.add_message_integrity(PWD.encode())
    fd.sendto(bytes(request), address)
    fd.settimeout(2)
    data, source = fd.recvfrom(2048)
    assert source[:2] == address, "answers come from where the request went to"
    answer = stun.parse_message(data)
    assert answer.check_message_integrity(PWD.encode())
    return answer


def test_a_report_rings_until_it_is_drained(worker: Worker) -> None:
    assert not readable(worker.fileno, 0)
    worker.remove_track(77)
    match reports(worker):
        case [Refused(command, reason)]:
            assert command == "remove_track"
            assert reason
        case other:
            pytest.fail(f"{other}")
    assert not readable(worker.fileno, 0)
    assert worker.drain() == []


async def test_the_event_loop_is_told(worker: Worker) -> None:
    loop = asyncio.get_running_loop()
    drained: asyncio.Future[list[Report]] = loop.create_future()

    def drain() -> None:
        if not drained.done():
            drained.set_result(worker.drain())

    loop.add_reader(worker.fileno, drain)
    worker.close_transport(5)
    closed, report = await asyncio.wait_for(drained, 2)
    loop.remove_reader(worker.fileno)
    assert repr(closed) == "Closed(transport=5, received=0, sent=0)"
    assert repr(report).startswith("Refused(command='close_transport', reason='")


def test_reports_are_frozen(worker: Worker) -> None:
    worker.remove_route(1)
    (report,) = reports(worker)
    with pytest.raises(AttributeError):
        report.command = "other"  # type: ignore[union-attr]


def test_commands_keep_their_order(worker: Worker) -> None:
    commands = [worker.remove_track, worker.remove_route, worker.remove_egress]
    for _ in range(500):
        for command in commands:
            command(1)
    names = [report.command for report in reports(worker, 1500) if isinstance(report, Refused)]
    assert names == [command.__name__ for command in commands] * 500


def test_a_full_queue_refuses_and_recovers() -> None:
    worker = Worker(commands=1)

    def flood() -> None:
        for _ in range(1_000_000):
            worker.remove_track(1)

    with pytest.raises(PlaneBusy):
        flood()
    time.sleep(0.1)
    worker.remove_track(1)
    worker.stop()


def test_both_families_reach_the_same_port(worker: Worker) -> None:
    for family, host in [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]:
        worker.open_transport(family, UFRAG, PWD)
        with socket.socket(family, socket.SOCK_DGRAM) as peer:
            peer.bind((host, 0))
            answer = check(peer, (host, worker.port))
            assert answer.message_class is stun.Class.RESPONSE
            mapped = answer.attributes["XOR-MAPPED-ADDRESS"]
            assert mapped == peer.getsockname()[:2]
            # It is told after the answer has left.
            while not (ups := [each for each in reports(worker) if isinstance(each, PathUp)]):
                time.sleep(0.001)
            (up,) = ups
            port = peer.getsockname()[1]
            assert up.transport == family
            assert up.remote == (f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        worker.close_transport(family)


def test_answers_leave_from_the_address_that_was_asked(worker: Worker) -> None:
    worker.open_transport(1, UFRAG, PWD)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        for host in ["127.0.0.1", "127.0.0.7"]:
            check(peer, (host, worker.port))


def test_noise_is_counted_and_harmless(worker: Worker) -> None:
    worker.open_transport(1, UFRAG, PWD)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        for _ in range(50):
            peer.sendto(b"\xff" * 100, ("127.0.0.1", worker.port))
        peer.sendto(b"\x80" * 5000, ("127.0.0.1", worker.port))
        check(peer, ("127.0.0.1", worker.port))
    assert counted(worker, "drop_unknown_kind", 50) == 50
    assert counted(worker, "drop_truncated", 1) == 1


def test_counters_are_totals_by_name(worker: Worker) -> None:
    worker.remove_track(1)
    assert counted(worker, "commands", 1) == 1
    counters = worker.counters()
    assert counters["commands_refused"] == 1
    assert counters["busy_us"] <= counters["wall_us"]
    assert all(isinstance(value, int) and value >= 0 for value in counters.values())


def test_rows_are_what_the_estimator_reads_and_writes(worker: Worker) -> None:
    assert np.dtype(_plane.FEEDBACK_DTYPE) == FEEDBACK
    assert np.dtype(_plane.DELTA_DTYPE) == DELTA
    assert np.dtype(_plane.RATES_DTYPE) == RATES
    assert worker.feedback() == (b"", b"")


def test_rates_of_unknown_transports_are_refused_once(worker: Worker) -> None:
    rates = np.zeros(3, RATES)
    rates["transport"] = [7, 8, 1]
    worker.open_transport(1, UFRAG, PWD)
    worker.set_rates(rates.tobytes())
    worker.set_rates(b"")
    assert counted(worker, "commands", 3) == 3
    refused = [report for report in worker.drain() if isinstance(report, Refused)]
    assert [report.command for report in refused] == ["set_rates"]


def test_the_thread_has_a_name_and_ends() -> None:
    worker = Worker()
    name = f"plane-{worker.port}"

    def runs() -> bool:
        tasks = Path("/proc/self/task").glob("*/comm")
        return name in {task.read_text().strip() for task in tasks}

    # A thread names itself when it begins, and is listed a moment beyond its end.
    wait_until(runs)
    worker.stop()
    worker.stop()
    wait_until(lambda: not runs())
    with pytest.raises(RuntimeError, match="stopped") as raised:
        worker.remove_track(1)
    assert not isinstance(raised.value, PlaneBusy)
    again = Worker(port=worker.port)
    again.stop()


def test_a_taken_port_is_an_oserror(worker: Worker) -> None:
    with pytest.raises(OSError, match="in use") as raised:
        Worker(port=worker.port)
    assert raised.value.errno == errno.EADDRINUSE


@pytest.mark.parametrize(
    "settings",
    [
        {"host": "localhost"},
        {"port": 65536},
        {"port": -1},
        {"commands": 0},
        {"transports": 0},
        {"video_ring": 1 << 30},
        {"audio_ring": -5},
        {"socket_buffer": 0},
        {"tcp_connections": -1},
        {"tcp_connections_per_address": 0},
        {"tcp_waiting": 1},
        {"tcp_first_check": 0.0},
        {"tcp_first_check": float("nan")},
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Worker(**settings)


GCM, HMAC = bytes(28), bytes(30)


def rate(**fields: int) -> bytes:
    """A packed row of rates."""
    row = np.zeros(1, RATES)
    for name, value in fields.items():
        row[name] = value
    return row.tobytes()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda w: w.remove_track(-1), "identifier"),
        (lambda w: w.remove_track(1 << 32), "identifier"),
        (lambda w: w.remove_track(1 << 80), "out of range"),
        (lambda w: w.open_transport(1, "abc", PWD), "ufrag"),
        (lambda w: w.open_transport(1, UFRAG, "short"), "pwd"),
        (lambda w: w.set_remote(1, {"unheard-of": 1}, [], "c"), "unheard-of"),
        (lambda w: w.set_remote(1, {"mid": 0}, [], "c"), "mid"),
        (lambda w: w.set_remote(1, {"mid": 256}, [], "c"), "mid"),
        (lambda w: w.set_remote(1, {}, [(128, "vp8", -1)], "c"), "payload type"),
        (lambda w: w.set_remote(1, {}, [(96, "VP8", -1)], "c"), "VP8"),
        (lambda w: w.set_remote(1, {}, [(96, "vp8", -2)], "c"), "payload type"),
        (lambda w: w.set_remote(1, {}, [], "c" * 256), "cname"),
        (lambda w: w.set_keys(1, "AEAD_AES_256_GCM", GCM, GCM), "AEAD_AES_256_GCM"),
        (lambda w: w.set_keys(1, "AEAD_AES_128_GCM", GCM, HMAC), "bytes of send must be 28"),
        (lambda w: w.set_keys(1, "AES128_CM_HMAC_SHA1_80", GCM, HMAC), "bytes of receive"),
        (lambda w: w.send_handshake(1, [b""]), "datagram"),
        (lambda w: w.send_handshake(1, [bytes(5000)]), "datagram"),
        (lambda w: w.send_handshake(1, [b"x"] * 1000), "datagrams"),
        (lambda w: w.add_track(1, 1, "0", "vp7", [("", 1, 0)]), "vp7"),
        (lambda w: w.add_track(1, 1, "0", "vp8", []), "layers"),
        (lambda w: w.add_track(1, 1, "0", "vp8", [("", 1, 0)] * 9), "layers"),
        (lambda w: w.add_egress(1, 1, 1, "", 1, 2), "mid"),
        (lambda w: w.set_targets([(1, -2, 0)]), "spatial"),
        (lambda w: w.set_targets([(1, 0, -1)]), "temporal"),
        (lambda w: w.set_targets([(-1, 0, 0)]), "identifier"),
        (lambda w: w.weigh(1, 0), "weight"),
        (lambda w: w.weigh(1, 256), "weight"),
        (lambda w: w.set_upload(1, -1), "bps"),
        (lambda w: w.set_upload(1, 1 << 32), "bps"),
        (lambda w: w.set_rates(bytes(RATES.itemsize + 1)), "whole rows"),
        (lambda w: w.set_rates(rate(flags=8)), "flag"),
        (lambda w: w.set_rates(rate(flags=START_PROBE)), "probe"),
    ],
)
def test_wrong_arguments_are_value_errors(
    worker: Worker, call: Callable[[Worker], None], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        call(worker)
    assert counted(worker, "commands", 0) == 0, "nothing was enqueued"


def test_right_arguments_are_taken(worker: Worker) -> None:
    worker.open_transport(1, UFRAG, PWD)
    payload_types = [(96, "vp8", 97), (111, "opus", -1), (63, "red", -1)]
    worker.set_remote(1, {"mid": 4, "audio-level": 1, "transport-cc": 3}, payload_types, "cname")
    worker.set_keys(1, "AEAD_AES_128_GCM", GCM, GCM)
    worker.open_transport(2, UFRAG + "2", PWD)
    worker.set_keys(2, "AES128_CM_HMAC_SHA1_80", HMAC, HMAC)
    worker.set_upload(1, 2_512_000)
    worker.report_traffic()
    worker.add_track(1, 1, "0", "vp8", [("q", 0, 0), ("h", 0, 0), ("f", 7, 8)])
    worker.add_route(1, True)
    worker.bind(1, 1)
    worker.weigh(1, 255)
    worker.mute(1, True)
    worker.add_egress(1, 1, 1, "v0", 0xFFFFFFFF, 9)
    worker.set_targets([(1, 1000, 1000), (1, 0, 1, True), (1, -1, 0)])
    worker.request_keyframe(1)
    worker.bind(1, None)
    worker.remove_egress(1)
    worker.remove_route(1)
    worker.remove_track(1)
    worker.close_transport(1)
    assert counted(worker, "commands", 20) == 20
    said = worker.drain()
    assert [report for report in said if isinstance(report, Refused)] == []
    assert [repr(report) for report in said if isinstance(report, Closed)] == [
        "Closed(transport=1, received=0, sent=0)"
    ]


def test_a_worker_that_is_let_go_ends_its_thread() -> None:
    port = Worker().port
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as peer:
        peer.bind(("::", port))


def test_the_module_says_what_its_stub_says() -> None:
    stub = Path(_plane.__file__ or "").with_name("_plane.pyi").read_text()
    public = {name for name in dir(_plane) if not name.startswith("_")}
    missing = {name for name in public if not re.search(rf"^(class )?{name}\b", stub, re.M)}
    assert missing == set()
