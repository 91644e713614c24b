"""Network namespaces without names, and tunnel devices in them.

They have no names so that nothing is left behind: namespace, devices and routes end with the last
process and descriptor on them, even if all are killed.
"""

import contextlib
import ctypes
import fcntl
import os
import struct
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

_CLONE_NEWNET: Final = 0x40000000
_TUNSETIFF: Final = 0x400454CA
_IFF_TUN: Final = 0x0001
_IFF_NO_PI: Final = 0x1000
_OWN: Final = "/proc/thread-self/ns/net"
_LONGEST_QUEUE: Final = 10_000
"""Packets between the kernel and the link's process; the queue that counts is the link's own."""
_libc = ctypes.CDLL(None, use_errno=True)


class NamespaceError(Exception):
    """No namespace or device can be made; the message says what is missing."""


class Namespace:
    """A network of its own, with a loopback device that is up. A context that lets it go."""

    def __init__(self) -> None:
        """Makes it. Raises NamespaceError."""
        before = os.open(_OWN, os.O_RDONLY)
        try:
            if _libc.unshare(_CLONE_NEWNET) != 0:
                raise NamespaceError(
                    "network namespaces need root (CAP_SYS_ADMIN and CAP_NET_ADMIN): "
                    f"{os.strerror(ctypes.get_errno())}"
                )
            self._descriptor = os.open(_OWN, os.O_RDONLY)
            _set_namespace(before)
        finally:
            os.close(before)
        with self.entered():
            _ip("link", "set", "lo", "up")

    def close(self) -> None:
        """Lets it go; it ends when no process is in it any more."""
        os.close(self._descriptor)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """This thread is inside meanwhile: sockets that it opens and processes that it starts
        belong there for good."""
        before = os.open(_OWN, os.O_RDONLY)
        try:
            _set_namespace(self._descriptor)
            yield
        finally:
            _set_namespace(before)
            os.close(before)

    def command(self, program: str) -> list[str]:
        """The words that start a program inside, for who cannot enter."""
        return ["nsenter", f"--net=/proc/{os.getpid()}/fd/{self._descriptor}", "--", program]

    def wrapper(self, folder: Path, program: str) -> Path:
        """Writes a script that starts a program inside, with the arguments it is given."""
        path = folder / f"{Path(program).name}-{self._descriptor}"
        path.write_text(f'#!/bin/sh\nexec {" ".join(self.command(program))} "$@"\n')
        path.chmod(0o700)
        return path

    def open_tunnel(self, name: str, address: str, peer: str) -> int:
        """A tunnel device inside, one end of a point-to-point link and the default route.

        Gives the descriptor that has what the kernel sends there, packet by packet, and takes what
        it shall receive. Raises NamespaceError.
        """
        with self.entered():
            try:
                tunnel = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
                request = struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI)
                fcntl.ioctl(tunnel, _TUNSETIFF, request)
            except OSError as error:
                raise NamespaceError(f"no tunnel device from /dev/net/tun: {error}") from error
            _ip("addr", "add", address, "peer", peer, "dev", name)
            _ip("link", "set", "dev", name, "txqueuelen", str(_LONGEST_QUEUE), "up")
            _ip("route", "add", "default", "via", peer)
        return tunnel


def _set_namespace(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        raise NamespaceError(f"setns: {os.strerror(ctypes.get_errno())}")


def _ip(*words: str) -> None:
    _run(["ip", *words])


def _run(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise NamespaceError(f"{command[0]} is missing (Debian: iproute2)") from None
    except subprocess.CalledProcessError as error:
        raise NamespaceError(f"{' '.join(command)}: {error.stderr.strip()}") from error
