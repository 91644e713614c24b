"""A network of its own for a browser or a program: a namespace, and one cable (veth) to here.

What happens to an address there is what happens to a laptop that goes from one network to another.
Its loopback is its own, too: what the server announces there leads nowhere.
"""

import asyncio
import contextlib
import fcntl
import os
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

STILL = Path(tempfile.gettempdir(), f"sfu-interfaces-{os.geteuid()}")
"""Locked by whoever makes an interface (alone), and by who would be disturbed (together)."""
SETTLED = 0.2
"""Seconds in which a browser has heard of it."""
NUMBER = os.getpid() % 200
"""Test runs side by side have names and addresses of their own (RFC 2544 has these for tests)."""
HERE = f"198.18.{NUMBER}.1"


@dataclass
class Network:
    """The network there. `HERE` is this machine's address in it."""

    name: str
    host: int = 2

    @property
    def within(self) -> tuple[str, ...]:
        """What stands before a command that is to run there."""
        return ("ip", "netns", "exec", self.name)

    def program(self, folder: Path, executable: str) -> Path:
        """A program that runs another one there."""
        script = folder / "within"
        script.write_text(f'#!/bin/sh\nexec {" ".join(self.within)} {executable} "$@"\n')
        script.chmod(0o755)
        return script

    def move(self) -> str:
        """From one address to another, without a word to whoever used it; gives the new one."""
        self._ip("addr", "del", self._address(), "dev", "cable")
        self.host += 1
        self.connect()
        return self._address().partition("/")[0]

    def connect(self) -> None:
        """Takes its address, and the way out."""
        self._ip("addr", "add", self._address(), "dev", "cable")
        self._ip("link", "set", "cable", "up")
        self._ip("route", "add", "default", "via", HERE)

    def _address(self) -> str:
        return f"198.18.{NUMBER}.{self.host}/24"

    def _ip(self, *arguments: str) -> None:
        ip("-n", self.name, *arguments)


def ip(*arguments: str) -> None:
    """Runs ip(8)."""
    subprocess.run(["ip", *arguments], check=True)


@contextlib.asynccontextmanager
async def still() -> AsyncIterator[None]:
    """No interface comes or goes meanwhile: whatever a browser connects to or loads just then it
    gives up (ERR_NETWORK_CHANGED), also where it has nothing to do with it."""
    with await asyncio.to_thread(_locked, fcntl.LOCK_SH):
        yield


@contextlib.contextmanager
def changing() -> Iterator[None]:
    """Interfaces come or go."""
    with _locked(fcntl.LOCK_EX):
        yield
        time.sleep(SETTLED)


def _locked(how: int) -> IO[str]:
    """Until it is closed."""
    file = STILL.open("a")
    fcntl.flock(file, how)
    return file


@contextlib.contextmanager
def elsewhere() -> Iterator[Network]:
    """Such a network, which takes root."""
    if os.geteuid() != 0:
        pytest.fail("network namespaces need root (CAP_SYS_ADMIN and CAP_NET_ADMIN)")
    network, end = Network(f"sfu-{NUMBER}"), f"sfu-{NUMBER}"
    try:
        ip("netns", "add", network.name)
        ip("-n", network.name, "link", "set", "lo", "up")
        with changing():
            ip("link", "add", end, "type", "veth", "peer", "name", "cable", "netns", network.name)
            # Else it gets an address by itself, a second or two later.
            ip("link", "set", end, "addrgenmode", "none")
            ip("addr", "add", f"{HERE}/24", "dev", end)
            ip("link", "set", end, "up")
            network.connect()
        yield network
    finally:
        with changing():
            subprocess.run(["ip", "link", "del", end], check=False)
        subprocess.run(["ip", "netns", "del", network.name], check=False)
