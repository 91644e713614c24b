"""ICE restarts at a real worker: which credentials are answered when, and where packets go."""

import socket
from collections.abc import Iterator

import pytest
from aioice import stun

from sfu._plane import PathUp, Refused, Worker
from tests.plane.test_worker import counted, reports

OLD = ("before", "a-password-of-22-bytes")
NEW = ("behind", "another-of-at-least-22")


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker(transports=8, video_ring=64, audio_ring=64)
    worker.open_transport(1, *OLD)
    yield worker
    worker.stop()


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    made = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for each in made:
        each.bind(("127.0.0.1", 0))
    yield made
    for each in made:
        each.close()


def answered(
    worker: Worker, peer: socket.socket, ours: tuple[str, str], *, nominate: bool = True
) -> bool:
    """Whether a binding check under these credentials is."""
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = f"{ours[0]}:client"
    request.attributes["PRIORITY"] = 1
    request.attributes["ICE-CONTROLLING"] = 1
    if nominate:
        request.attributes["USE-CANDIDATE"] = None
    request.add_message_integrity(ours[1].encode())
    refused = refusals(worker)
    peer.sendto(bytes(request), ("127.0.0.1", worker.port))
    peer.settimeout(0.05)
    for _ in range(100):
        try:
            answer = stun.parse_message(peer.recv(2048))
        except TimeoutError:
            if refusals(worker) > refused:
                return False
        else:
            return bool(answer.check_message_integrity(ours[1].encode()))
    raise AssertionError("neither answered nor refused")


def refusals(worker: Worker) -> int:
    counters = worker.counters()
    return counters["drop_stun_unknown_user"] + counters["drop_stun_integrity"]


def reached(worker: Worker, peer: socket.socket) -> bool:
    """Whether what goes to the transport goes there."""
    worker.send_handshake(1, [b"\x16 to whoever is selected"])
    peer.settimeout(0.2)
    try:
        return peer.recv(100)[0] == 0x16
    except TimeoutError:
        return False


def test_the_path_moves_when_the_new_credentials_nominate(
    worker: Worker, sockets: list[socket.socket]
) -> None:
    before, after = sockets
    assert answered(worker, before, OLD)
    worker.restart_ice(1, *NEW)
    assert answered(worker, after, NEW, nominate=False)
    assert reached(worker, before), "nothing is nominated yet"
    assert answered(worker, before, OLD), "the former are still good"
    assert answered(worker, after, NEW)
    assert reached(worker, after)
    assert not reached(worker, before)
    assert not answered(worker, before, OLD), "and now they are not"
    assert reached(worker, after)
    ports = [peer.getsockname()[1] for peer in sockets]
    ups = [report.remote for report in reports(worker, 2) if isinstance(report, PathUp)]
    assert ups == [f"127.0.0.1:{port}" for port in ports]


def test_a_restart_that_comes_to_nothing_changes_nothing(
    worker: Worker, sockets: list[socket.socket]
) -> None:
    before, after = sockets
    assert answered(worker, before, OLD)
    for number in range(100):
        worker.restart_ice(1, f"vain{number}", NEW[1])
    worker.restart_ice(1, *NEW)
    assert not answered(worker, after, ("vain99", NEW[1])), "one at a time"
    assert answered(worker, before, OLD)
    assert reached(worker, before)
    assert answered(worker, after, NEW)
    worker.close_transport(1)
    assert not answered(worker, after, NEW)


def test_nobody_without_the_password_moves_a_path(
    worker: Worker, sockets: list[socket.socket]
) -> None:
    before, stranger = sockets
    assert answered(worker, before, OLD)
    worker.restart_ice(1, *NEW)
    for ours in ((NEW[0], OLD[1]), (OLD[0], NEW[1]), (NEW[0], "a-guess-of-22-or-more-b")):
        assert not answered(worker, stranger, ours)
    assert reached(worker, before)
    assert not reached(worker, stranger)


def test_another_transports_name_is_refused(worker: Worker) -> None:
    worker.open_transport(2, *NEW)
    worker.restart_ice(1, *NEW)
    worker.restart_ice(7, "nobodys", NEW[1])
    refused = [report for report in reports(worker, 2) if isinstance(report, Refused)]
    assert [report.reason for report in refused] == ["ufrag taken", "no such transport"]
    assert counted(worker, "commands_refused", 2) == 2
