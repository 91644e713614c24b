"""A server under measurement as a process, and what the kernel says of it and its children."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Final

from sfu.bench.errors import BenchError

START_PATIENCE: Final = 60.0
STOP_PATIENCE: Final = 5.0
_TETHER: Final = ("setpriv", "--pdeathsig", "TERM", "--") if shutil.which("setpriv") else ()
"""The server does not outlive who started it, even if that is killed."""
LOWEST: Final = 10_000
"""Port that may be chosen; below are those that people know."""
GIVEN: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""First and last port that connections to elsewhere are given."""
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class ProcessError(BenchError):
    """A server did not start; the message holds the end of its log."""


class Process:
    """A program on one core, with a folder of its own."""

    def __init__(self, core: int | None) -> None:
        """`core` is where all its threads run, None for any."""
        self._core = core
        self._folder = tempfile.TemporaryDirectory(prefix="sfu-bench-")
        self._process: subprocess.Popen[bytes] | None = None

    def start(
        self,
        command: Sequence[str],
        ready: Callable[[], bool],
        environment: Mapping[str, str] | None = None,
        *,
        piped: bool = False,
    ) -> None:
        """Starts it and waits until it is `ready`; `piped` to talk to it. Raises ProcessError."""
        pipe = subprocess.PIPE if piped else None
        with self._log.open("wb") as log, on_core(self._core):
            self._process = subprocess.Popen(
                [*_TETHER, *command],
                env={**os.environ, **(environment or {})},
                stdin=pipe or subprocess.DEVNULL,
                stdout=pipe or log,
                stderr=log,
            )
        try:
            self._wait(ready)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends it, by force if need be, and forgets its folder."""
        if self._process is not None:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
                self._process.send_signal(number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(STOP_PATIENCE)
                    break
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    stream.close()
        self._folder.cleanup()

    @property
    def folder(self) -> Path:
        """For its configuration and its store."""
        return Path(self._folder.name)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self.running.pid

    @property
    def running(self) -> "subprocess.Popen[bytes]":
        """Once it was started."""
        assert self._process is not None
        return self._process

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def cpu_ns(self) -> dict[str, int]:
        """CPU time so far by thread, `<id> <name>`, in nanoseconds; its children's, too."""
        return {
            name: used
            for pid in self._pids()
            for name, used in _cpu_ns(Path("/proc", str(pid), "task"))
        }

    def memory(self) -> int:
        """Resident bytes, with its children."""
        pages = 0
        for pid in self._pids():
            with contextlib.suppress(OSError):
                pages += int(Path("/proc", str(pid), "statm").read_text().split()[1])
        return pages * _PAGE

    def descriptors(self) -> int:
        """Open files and sockets, with its children."""
        return sum(len(list(Path("/proc", str(pid), "fd").iterdir())) for pid in self._pids())

    def dropped(self) -> int:
        """Datagrams that the kernel dropped at its sockets, and at those of its children."""
        return dropped(self._pids())

    def complaints(self) -> str:
        """The end of its log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-20:])

    def keep_log(self, path: Path) -> None:
        """Copies its log; afterwards it goes with the folder. Raises OSError."""
        shutil.copyfile(self._log, path)

    def _pids(self) -> list[int]:
        pids = [self.pid]
        for pid in pids:
            with contextlib.suppress(OSError):
                for task in Path("/proc", str(pid), "task").iterdir():
                    pids += map(int, (task / "children").read_text().split())
        return pids

    def _wait(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_PATIENCE
        while not ready():
            if (code := self.running.poll()) is not None:
                raise ProcessError(f"the server ended with code {code}:\n{self.complaints()}")
            if time.monotonic() > deadline:
                raise ProcessError(f"the server is not ready:\n{self.complaints()}")
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


def free_port(kind: socket.SocketKind, count: int = 1) -> int:
    """The first of `count` ports in a row that nobody uses now; those for datagrams are free for
    TCP too, as media may come by it. Random, so that measurements side by side do not meet, and
    none that a connection to elsewhere may be given meanwhile."""
    while True:
        first = _candidate()
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError, OverflowError):
            for port in range(first, first + count):
                for each in dict.fromkeys((kind, socket.SOCK_STREAM)):
                    probe = stack.enter_context(socket.socket(socket.AF_INET, each))
                    probe.bind(("", port))
            return first


def _candidate() -> int:
    ephemeral = int(GIVEN.read_text().split()[0])
    return random.randrange(*(LOWEST, ephemeral) if ephemeral > 2 * LOWEST else (LOWEST, 1 << 16))


def dropped(pids: Iterable[int]) -> int:
    """Datagrams that the kernel dropped at the sockets of these processes."""
    inodes = set()
    for pid in pids:
        for link in Path("/proc", str(pid), "fd").iterdir():
            with contextlib.suppress(OSError):
                name = str(link.readlink())
                if name.startswith("socket:["):
                    inodes.add(name[8:-1])
    return udp_drops(inodes)


def udp_drops(inodes: Set[str]) -> int:
    """Datagrams dropped at these UDP sockets since they were full."""
    total = 0
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        with contextlib.suppress(FileNotFoundError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[9] in inodes:
                    total += int(fields[-1])
    return total


def listens(port: int) -> bool:
    """Whether somebody takes TCP connections there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _cpu_ns(tasks: Path) -> Iterator[tuple[str, int]]:
    # A process or a thread may end meanwhile.
    with contextlib.suppress(OSError):
        for task in tasks.iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                name = (task / "comm").read_text().strip()
                yield f"{task.name} {name}", int((task / "schedstat").read_text().split()[0])
