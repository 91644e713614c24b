"""The server under measurement: a process of its own, and what the kernel says of it."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Self

from sfu.config import DEV_SECRET, DEV_TENANT

START_PATIENCE: Final = 20.0
STOP_PATIENCE: Final = 5.0
FIRST_TCP_PORT: Final = 8020
FIRST_UDP_PORT: Final = 8040
_TETHER: Final = ("setpriv", "--pdeathsig", "TERM", "--") if shutil.which("setpriv") else ()
"""The server does not outlive who started it, even if that is killed."""
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class DaemonError(Exception):
    """The server did not start; the message holds the end of its log."""


class Daemon:
    """`sfu serve --dev` on one core, with a store of its own."""

    def __init__(self, core: int | None, settings: Mapping[str, str]) -> None:
        """`core` is where all its threads run, None for any; `settings` are SFU_… variables."""
        self._core = core
        self._settings = settings
        self._folder = tempfile.TemporaryDirectory(prefix="sfu-bench-")
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port(socket.SOCK_STREAM, FIRST_TCP_PORT)
        self.udp_port = free_port(socket.SOCK_DGRAM, FIRST_UDP_PORT)

    def __enter__(self) -> Self:
        """Starts it and waits until it takes joins. Raises DaemonError."""
        environment = {
            **os.environ,
            "SFU_SERVER__HOST": "127.0.0.1",
            "SFU_SERVER__PORT": str(self.port),
            "SFU_MEDIA__UDP_PORT": str(self.udp_port),
            "SFU_STORE__PATH": str(Path(self._folder.name, "sfu.sqlite")),
            **self._settings,
        }
        command = [*_TETHER, sys.executable, "-m", "sfu", "serve", "--dev"]
        with self._log.open("wb") as log, on_core(self._core):
            self._process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
                self._process.send_signal(number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(STOP_PATIENCE)
                    break
        self._folder.cleanup()

    @property
    def signaling_url(self) -> str:
        """Of the signaling socket."""
        return f"ws://127.0.0.1:{self.port}/v1/signal"

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process is not None
        return self._process.pid

    @property
    def _log(self) -> Path:
        return Path(self._folder.name, "log")

    def cpu_ns(self) -> dict[str, int]:
        """CPU time so far by thread, `<id> <name>`, in nanoseconds."""
        return dict(_cpu_ns(Path("/proc", str(self.pid), "task")))

    def memory(self) -> int:
        """Resident bytes."""
        return int(Path("/proc", str(self.pid), "statm").read_text().split()[1]) * _PAGE

    def dropped(self) -> int:
        """Datagrams that the kernel dropped since the media socket was full."""
        return udp_drops(self.udp_port)

    def metrics(self) -> str:
        """What it says of itself."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as response:
            return str(response.read().decode())

    def media(self, room: str) -> list[dict[str, Any]]:
        """What each person of a room sends and receives; empty before there is anything."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1/rooms/{room}/media",
            headers={"Authorization": f"Bearer {DEV_TENANT}:{DEV_SECRET}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as response:
                items: list[dict[str, Any]] = json.load(response)["items"]
        except urllib.error.HTTPError:
            return []
        return items

    def complaints(self) -> str:
        """The end of its log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-20:])

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_PATIENCE
        while not _answers(f"http://127.0.0.1:{self.port}/readyz"):
            if (code := self._process.poll()) is not None:
                raise DaemonError(f"the server ended with code {code}:\n{self.complaints()}")
            if time.monotonic() > deadline:
                raise DaemonError(f"the server is not ready:\n{self.complaints()}")
            time.sleep(0.05)


@contextlib.contextmanager
def on_core(core: int | None) -> Iterator[None]:
    """What this thread starts meanwhile, processes and threads, stays on that core."""
    before = os.sched_getaffinity(0)
    if core is not None:
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_port(kind: socket.SocketKind, first: int) -> int:
    """The first port from `first` up that nobody listens on."""
    for port in range(first, first + 1000):
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, kind) as probe:
            probe.bind(("", port))
            return port
    raise DaemonError(f"no free port from {first} up")


def udp_drops(port: int) -> int:
    """Datagrams dropped at the sockets bound to a UDP port."""
    total = 0
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        with contextlib.suppress(FileNotFoundError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if int(fields[1].rpartition(":")[2], 16) == port:
                    total += int(fields[-1])
    return total


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _cpu_ns(tasks: Path) -> Iterator[tuple[str, int]]:
    for task in tasks.iterdir():
        # A thread may end meanwhile.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            name = (task / "comm").read_text().strip()
            yield f"{task.name} {name}", int((task / "schedstat").read_text().split()[0])
