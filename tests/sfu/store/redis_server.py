"""A real Redis server that keeps an append-only file and answers no write before it is on disk."""

import contextlib
import shutil
import socket
import subprocess
import weakref
from pathlib import Path

import pytest

REDIS_PORTS = range(8060, 8080)


class RedisServer:
    """One server in a folder of its own, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("redis-server")
        if program is None:
            pytest.fail(
                "redis-server is missing. Debian: apt-get install redis-server", pytrace=False
            )
        self.folder = folder
        self.port, claim = _claimed_port()
        weakref.finalize(self, claim.close)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers."""
        options = {
            "port": self.port,
            "bind": "127.0.0.1",
            "dir": self.folder,
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "logfile": "redis.log",
        }
        words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        self._process = subprocess.Popen([self._program, *words])
        for _ in range(500):
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port)) as s,
            ):
                s.sendall(b"PING\r\n")
                if s.recv(16).startswith(b"+PONG"):
                    return
            if self._process.poll() is not None:
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.02)
        pytest.fail((self.folder / "redis.log").read_text())

    def kill(self) -> None:
        """As kill -9 does it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _claimed_port() -> tuple[int, socket.socket]:
    """One that nobody uses, nor another process of these tests while the socket is kept."""
    for port in REDIS_PORTS:
        claim = socket.socket(socket.AF_UNIX)
        with socket.socket() as probe, contextlib.suppress(OSError):
            claim.bind(f"\0open-sfu-tests-redis-{port}")
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port, claim
        claim.close()
    pytest.fail("no port is free for Redis")
