"""A TURN server (coturn) whose relayed addresses are on loopback."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.calls.daemon import free_port
from tests.sfu.authority import Authority


@contextlib.contextmanager
def turn_server(folder: Path, address: str, secret: str) -> Iterator[tuple[int, int]]:
    """Listens on an address of this machine; gives its port, and the one for TLS."""
    program = shutil.which("turnserver")
    if program is None:
        pytest.fail("coturn is not installed: apt-get install coturn")
    port = free_port(socket.SOCK_STREAM, 8100, 2)
    Authority().issue(folder, address)
    arguments = [
        program, "-n", "--no-cli", "--no-dtls", "--realm=test", "--use-auth-secret",
        f"--static-auth-secret={secret}", f"--listening-ip={address}", f"--listening-port={port}",
        f"--tls-listening-port={port + 1}", f"--cert={folder / 'certificate.pem'}",
        f"--pkey={folder / 'key.pem'}",
        "--relay-ip=127.0.0.1", "--allow-loopback-peers", f"--pidfile={folder / 'pid'}",
        f"--userdb={folder / 'users'}", "--log-file=stdout",
    ]  # fmt: skip
    with (folder / "turn.log").open("wb") as log:
        process = subprocess.Popen(arguments, stdout=log, stderr=log, cwd=folder)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection((address, port), 1).close()
            break
        except OSError:
            time.sleep(0.05)
    try:
        yield port, port + 1
    finally:
        process.terminate()
        process.wait(10)
