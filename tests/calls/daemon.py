"""The daemon as a user starts it: `python -m sfu serve --dev`, settings by environment; or without
`--dev`, as it runs in production."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.sfu.authority import Authority

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT = 20.0
STOP_TIMEOUT = 10.0
UDP_PORTS = 8
"""Media ports kept free from `udp_port` up: one for each worker there may be."""
APART = 10_000 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
"""Test runs side by side look for free ports at the same moment: each has a range of its own."""

Trouble = re.compile(r"Traceback|panicked|\[?(error|critical)\b", re.IGNORECASE)


class Daemon:
    """One daemon process on free ports, its output in `log`."""

    program: tuple[str, ...] = ("-m", "sfu")
    """What Python runs."""
    arguments: tuple[str, ...] = ("serve", "--dev")
    scheme = "http"
    trusted: ssl.SSLContext | None = None
    """By what its certificate is checked, where it has one."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.port = free_port(socket.SOCK_STREAM, 7980 + APART)
        self.udp_port = free_port(socket.SOCK_DGRAM, 8000 + APART, UDP_PORTS)
        self.log = folder / "daemon.log"
        self._environment = {
            **os.environ,
            "SFU_SERVER__PORT": str(self.port),
            "SFU_MEDIA__UDP_PORT": str(self.udp_port),
            "SFU_STORE__PATH": str(folder / "sfu.sqlite"),
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def udp_ports(self) -> range:
        """The media ports, of as many workers as there may be."""
        return range(self.udp_port, self.udp_port + UDP_PORTS)

    @property
    def url(self) -> str:
        """The page's address, without a slash at the end."""
        return f"{self.scheme}://localhost:{self.port}"

    def start(self) -> None:
        """Starts the process and waits until it takes joins."""
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self.program, *self.arguments],
                cwd=ROOT, env=self._environment, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        deadline = time.monotonic() + START_TIMEOUT
        # The process first: another one on its port would be ready as well.
        while self._process.poll() is not None or not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                raise RuntimeError(f"the daemon did not start:\n{self.log.read_text()}")
            time.sleep(0.1)

    def stop(self) -> int:
        """Ends it by SIGTERM, after SIGTERM twice by SIGKILL; gives the exit code."""
        assert self._process is not None
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            self._process.send_signal(number)
            try:
                return self._process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                continue
        raise RuntimeError("the daemon cannot be killed")

    def finish(self) -> None:
        """Ends it, and finds that it was healthy to the end."""
        assert self.stop() == 0, self.log.read_text()[-2000:]
        assert self.trouble() == []

    def wait(self) -> int:
        """Until it has ended by itself; gives the exit code. Raises TimeoutExpired."""
        assert self._process is not None
        return self._process.wait(STOP_TIMEOUT)

    @property
    def runs(self) -> bool:
        """Whether it has not ended yet."""
        return self._process is not None and self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Sends the process a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def metric(self, name: str, **labels: str) -> float:
        """Sum of a metric's samples that carry these labels; 0 if there is none."""
        with self._get("/metrics") as response:
            lines = response.read().decode().splitlines()
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in lines
            if re.match(rf"{name}[ {{]", line) and all(each in line for each in wanted)
        )

    def trouble(self) -> list[str]:
        """Lines of the log that a healthy daemon does not write."""
        return [line for line in self.log.read_text().splitlines() if Trouble.search(line)]

    def _ready(self) -> bool:
        try:
            with self._get("/readyz") as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def _get(self, path: str) -> Any:
        return urllib.request.urlopen(f"{self.url}{path}", timeout=5, context=self.trusted)


class ProductionDaemon(Daemon):
    """Without `--dev`: HTTPS by an authority of its own, and one tenant, who signs tokens."""

    arguments = ("serve",)
    scheme = "https"

    def __init__(self, folder: Path, tenant: str, secret: str, **settings: str) -> None:
        authority = Authority()
        certificate, key = authority.issue(folder, "localhost")
        self.trusted = ssl.create_default_context(cadata=authority.pem.decode())
        tls = {"SFU_SERVER__CERTIFICATE": str(certificate), "SFU_SERVER__KEY": str(key)}
        keys = {f"SFU_TENANTS__{tenant.upper()}__SECRET": secret}
        super().__init__(folder, **tls, **keys, **settings)


def free_port(kind: socket.SocketKind, first: int, count: int = 1) -> int:
    """The first of `count` successive ports that nobody listens on, from `first` up."""
    for port in range(first, 65_000, count):
        try:
            for each in range(port, port + count):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind(("0.0.0.0", each))
        except OSError:
            continue
        return port
    raise RuntimeError("no free port")
