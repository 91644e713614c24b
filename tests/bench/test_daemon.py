"""The server as a process: start, figures, end, and what is said when it does not start."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sfu.bench import process
from sfu.bench.daemon import Daemon
from sfu.bench.process import ProcessError, free_port, on_core, udp_drops


def test_a_server_starts_on_its_core_and_ends() -> None:
    core = min(os.sched_getaffinity(0))
    with Daemon(core, {}) as daemon:
        tasks = list(Path("/proc", str(daemon.pid), "task").iterdir())
        assert {frozenset(os.sched_getaffinity(int(task.name))) for task in tasks} == {
            frozenset({core})
        }
        before, after = daemon.cpu_ns(), daemon.cpu_ns()
        assert len(before) >= 2  # the main thread and the packet worker
        assert all(after[name] >= used for name, used in before.items())
        assert 10**7 < daemon.memory() < 10**9
        assert daemon.dropped() == 0
        assert "sfu_rooms 0" in daemon.metrics()
        pid = daemon.pid
    assert not Path("/proc", str(pid)).exists()


def test_a_server_that_does_not_start_says_why() -> None:
    daemon = Daemon(None, {"SFU_MEDIA__WORKERS": "many"})
    with pytest.raises(ProcessError, match=r"code 2[\s\S]*workers"), daemon:
        pytest.fail("it started")


def test_a_server_does_not_outlive_who_started_it() -> None:
    script = """
import time
from sfu.bench.daemon import Daemon
with Daemon(None, {}) as daemon:
    print(daemon.pid, flush=True)
    time.sleep(60)
"""
    words = [sys.executable, "-c", script]
    root = Path(__file__).parents[2]
    with subprocess.Popen(words, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = process.stdout.readline().strip()
        assert Path("/proc", pid).exists()
        process.kill()
    deadline = time.monotonic() + 10
    while Path("/proc", pid).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path("/proc", pid).exists()


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_port_for_datagrams_is_free_for_both(
    monkeypatch: pytest.MonkeyPatch, kind: socket.SocketKind
) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("", 0))
        port = taken.getsockname()[1]
        offered, choose = [port, port - 1], process._candidate
        monkeypatch.setattr(process, "_candidate", lambda: offered.pop(0) if offered else choose())
        # It is the second of those that begin one before.
        assert free_port(socket.SOCK_DGRAM, 2) not in (port, port - 1)
        assert not offered


@pytest.mark.parametrize(
    ("given", "chosen"), [(32_768, range(10_000, 32_768)), (1_024, range(10_000, 65_536))]
)
def test_no_connection_to_elsewhere_is_given_one_unless_it_may_have_any(
    given: int, chosen: range, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "given").write_text(f"{given}\t60999\n")
    monkeypatch.setattr(process, "GIVEN", tmp_path / "given")
    found = [free_port(socket.SOCK_STREAM) for _ in range(200)]
    assert all(port in chosen for port in found)
    assert max(found) > chosen.start + 0.8 * len(chosen)


def test_servers_started_at_once_do_not_meet() -> None:
    with contextlib.ExitStack() as stack:
        daemons = [Daemon(None, {}) for _ in range(3)]
        with ThreadPoolExecutor() as threads:
            list(threads.map(stack.enter_context, daemons))
        ports = {port for daemon in daemons for port in (daemon.port, *daemon.udp_ports)}
        assert len(ports - {0}) == 6
        for daemon in daemons:
            assert daemon.running.poll() is None


def test_dropped_datagrams_are_counted() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as full:
        full.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        full.bind(("127.0.0.1", 0))
        port = full.getsockname()[1]
        inodes = {str(os.fstat(full.fileno()).st_ino)}
        assert udp_drops(inodes) == 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(100):
                sender.sendto(bytes(1000), ("127.0.0.1", port))
        assert udp_drops(inodes) > 0


def test_a_core_is_given_back() -> None:
    before = os.sched_getaffinity(0)
    with on_core(min(before)):
        assert os.sched_getaffinity(0) == {min(before)}
    assert os.sched_getaffinity(0) == before
