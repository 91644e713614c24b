"""What a figure depends on besides the code: the machine, and the versions on it."""

import os
import platform
import re
import subprocess
from pathlib import Path

from OpenSSL import SSL


def facts() -> dict[str, str]:
    """Name and value of each, for the report."""
    return {
        "cpu": _cpu(),
        "cores": str(os.cpu_count()),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        # Of the handshakes; the interpreter's own ssl module may hold another.
        "openssl": SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode(),
        "commit": _commit(),
    }


def load() -> float:
    """Processes that wanted to run, mean of the last minute: others disturb what is measured."""
    return os.getloadavg()[0]


def stolen() -> float:
    """Seconds of all cores together that the host gave to other guests, since the boot."""
    try:
        total = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    except OSError:
        return 0.0
    return int(total[8]) / os.sysconf("SC_CLK_TCK")


def cores() -> tuple[int | None, int | None]:
    """One core for what is measured and one for the load; None for both on a machine with one."""
    available = sorted(os.sched_getaffinity(0))
    return (available[0], available[1]) if len(available) > 1 else (None, None)


def _cpu() -> str:
    try:
        names = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        names = None
    return names[1] if names else platform.machine()


def _commit() -> str:
    """Of the checkout that this file lies in; with a mark when it has changes."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        result = subprocess.run(
            command, cwd=Path(__file__).resolve().parent, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return result.stdout.strip() or "unknown"
