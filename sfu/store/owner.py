"""Which process a store belongs to: one at a time, for each believes that the rooms are its own.

A file is locked for as long as the process lives; a Redis database is leased (`sfu.store.lease`).
Both keep this beside it, so that whoever is kept out can say by whom.
"""

import json
import os
import secrets
import socket
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that has opened a store, once."""

    token: str
    """No other opening has the same."""
    host: str
    pid: int
    place: str
    """Where a process is known by its `pid`: one run of a kernel, and one of its PID namespaces
    (pid_namespaces(7)). "" where that cannot be told."""
    began: str
    """When the process did, in its kernel's count: an id is given again to others."""
    since: str
    """When it opened the store, in RFC 3339."""

    @classmethod
    def here(cls) -> Self:
        """This process, opening a store now."""
        return cls(
            token=secrets.token_hex(16),
            host=socket.gethostname(),
            pid=os.getpid(),
            place=_place(),
            began=_began(os.getpid()) or "",
            since=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Of what `text` gave; None of anything else."""
        try:
            saved: Any = json.loads(text)
            return cls(**saved)
        except (ValueError, TypeError):
            return None

    def text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))

    def has_ended(self) -> bool:
        """Whether it is certain that this process is no more; of another place nothing is."""
        return self.place != "" and self.place == _place() and _began(self.pid) != self.began

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


def _place() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _began(pid: int) -> str | None:
    """None of a process that has ended, be it buried or not (proc_pid_stat(5))."""
    try:
        # The name of the program stands in parentheses, and may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    state, began = fields[0], fields[19]
    return None if state in "ZX" else began
