"""An emulated link with a network at each end."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from typing import IO, Any, Final, Self

from sfu.bench.emulator.namespace import Namespace
from sfu.bench.trace import Trace

NEAR: Final = "10.0.0.1"
FAR: Final = "10.0.0.2"
_STOP_PATIENCE: Final = 5.0


class Link:
    """`near` and `far` are the namespaces at its ends; down is from near to far.

    A context: the link is up inside it.
    """

    near: Namespace
    far: Namespace

    def __init__(self, trace: Trace) -> None:
        """The first step of everything holds until `start`."""
        self._trace = trace
        self._stack = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes]

    def __enter__(self) -> Self:
        """Sets everything up. Raises NamespaceError."""
        with contextlib.ExitStack() as stack:
            self.near, self.far = (
                stack.enter_context(contextlib.closing(Namespace())) for _ in range(2)
            )
            # Without a name: it, too, ends with who has it open.
            self._log = stack.enter_context(tempfile.TemporaryFile())
            tunnels = (
                self.near.open_tunnel("link", NEAR, FAR),
                self.far.open_tunnel("link", FAR, NEAR),
            )
            try:
                self._process = self._start(tunnels)
            finally:
                for tunnel in tunnels:
                    os.close(tunnel)
            stack.callback(self._stop)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def process_id(self) -> int:
        """Of the process that is the link."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> float:
        """Second 0 of the trace is now, which it gives (monotonic)."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(b"s")
        self._process.stdin.flush()
        return time.monotonic()

    def truth(self) -> list[dict[str, Any]]:
        """What happened so far, as `process.line` describes it, in order of time."""
        log = self._log.fileno()
        written = os.pread(log, os.fstat(log).st_size, 0)
        return [json.loads(line) for line in written[: written.rfind(b"\n") + 1].splitlines()]

    def _start(self, tunnels: tuple[int, int]) -> subprocess.Popen[bytes]:
        inherited = (*tunnels, self._log.fileno())
        words = [*map(str, inherited), json.dumps(self._trace.to_json())]
        return subprocess.Popen(
            [sys.executable, "-m", "sfu.bench.emulator.process", *words],
            stdin=subprocess.PIPE,
            pass_fds=inherited,
        )

    def _stop(self) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(_STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
