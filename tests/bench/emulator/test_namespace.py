"""Namespaces that are apart, and say when they cannot be had."""

import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from sfu.bench.emulator.namespace import Namespace

ROOT = Path(__file__).parents[3]


def test_a_namespace_is_apart_and_entered_for_a_while() -> None:
    own = os.readlink("/proc/thread-self/ns/net")
    with closing(Namespace()) as namespace:
        with namespace.entered():
            assert os.readlink("/proc/thread-self/ns/net") != own
            listening = socket.create_server(("127.0.0.1", 0))
        assert os.readlink("/proc/thread-self/ns/net") == own
        with closing(listening), pytest.raises(ConnectionRefusedError):
            socket.create_connection(listening.getsockname(), timeout=5)


def test_a_wrapper_starts_a_program_inside(tmp_path: Path) -> None:
    with closing(Namespace()) as namespace:
        with namespace.entered():
            inside = os.readlink("/proc/thread-self/ns/net")
        words = [str(namespace.wrapper(tmp_path, "readlink")), "/proc/self/ns/net"]
        assert subprocess.check_output(words, text=True).strip() == inside


def test_without_rights_it_says_what_is_missing() -> None:
    script = "from sfu.bench.emulator.namespace import Namespace; Namespace()"
    words = ["setpriv", "--bounding-set=-sys_admin", "--", sys.executable, "-c", script]
    result = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "NamespaceError: network namespaces need root" in result.stderr
