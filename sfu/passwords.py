"""Room passwords: stored hashed with a memory-hard function, checked off the event loop.

A check costs scrypt (RFC 7914) 16 MiB and some 100 ms, on a few threads, behind a
bounded queue for each room; rooms take turns, so that guesses at one password hold up
nobody at another room's door. What was right once is remembered under a key of this process
alone, and checks that are the same share one computation, so that an audience
which storms a room with its password costs one check.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from sfu.errors import Refusal

LOG_COST: Final = 14
BLOCK: Final = 8
PASSES: Final = 2
MEMORY: Final = 64 << 20
"""Bytes that a check may take at most, whatever a stored hash asks for."""
THREADS: Final = 2
"""Checks that run at a time."""
WAITING_PER_ROOM: Final = 32
"""Checks of one room that may wait or run; more is `overloaded`."""
WAITING: Final = 1024
"""Those of all rooms."""
REMEMBERED: Final = 1024
"""Rooms and passwords that were right, the oldest forgotten first."""

Verdict = Callable[[bool], None]
Run = Callable[[Callable[[], bool], Verdict], None]
"""Runs a check somewhere else and hands its result to the event loop."""


def hash_password(password: str) -> str:
    """A salted hash to be stored; takes some 100 ms, so not for the event loop."""
    salt = secrets.token_bytes(16)
    digest = _scrypt(password, salt, LOG_COST, BLOCK, PASSES)
    return f"$scrypt$ln={LOG_COST},r={BLOCK},p={PASSES}${_text(salt)}${_text(digest)}"


def check_password(password: str, stored: str) -> bool:
    """Whether this is the password; a hash that cannot be read fits none."""
    try:
        _, name, costs, salt, digest = stored.split("$")
        cost = dict(each.split("=", 1) for each in costs.split(","))
        expected = _bytes(digest)
        given = _scrypt(password, _bytes(salt), int(cost["ln"]), int(cost["r"]), int(cost["p"]))
    except (ValueError, KeyError, OverflowError, MemoryError, binascii.Error):
        return False
    return name == "scrypt" and hmac.compare_digest(given, expected)


def in_threads() -> Run:
    """Checks on threads of their own, for a running event loop."""
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")

    def run(check: Callable[[], bool], verdict: Verdict) -> None:
        future = asyncio.get_running_loop().run_in_executor(threads, check)
        future.add_done_callback(
            lambda done: verdict(
                not done.cancelled() and done.exception() is None and done.result()
            )
        )

    return run


class Passwords:
    """All checks of a process. `run` is how a check leaves the event loop."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._key = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._pending: dict[bytes, list[Verdict]] = {}
        self._lines: OrderedDict[str, deque[tuple[bytes, str]]] = OrderedDict()
        """Mark and password of the checks that wait, by room: its hash. Who has the next turn
        comes first."""
        self._rooms: Counter[str] = Counter()
        """Checks of each room that wait or run."""
        self._running = 0

    def check(self, password: str, stored: str, verdict: Verdict) -> None:
        """Calls `verdict`, at once or later. Raises Refusal when too many checks wait."""
        mark = self._mark(password, stored)
        if mark in self._right:
            verdict(True)
        elif mark in self._pending:
            self._pending[mark].append(verdict)
        elif len(self._pending) >= WAITING or self._rooms.get(stored, 0) >= WAITING_PER_ROOM:
            raise Refusal("overloaded", "too many passwords are being checked", retry_after=2)
        else:
            self._pending[mark] = [verdict]
            self._rooms[stored] += 1
            self._lines.setdefault(stored, deque()).append((mark, password))
            self._go_on()

    def _go_on(self) -> None:
        while self._running < THREADS and self._lines:
            stored, line = self._lines.popitem(last=False)
            mark, password = line.popleft()
            if line:
                self._lines[stored] = line
            self._running += 1
            self._run(partial(_fits, password, stored), partial(self._done, stored, mark))

    def _done(self, stored: str, mark: bytes, right: bool) -> None:
        self._running -= 1
        self._rooms[stored] -= 1
        if not self._rooms[stored]:
            del self._rooms[stored]
        if right:
            self._right[mark] = None
            if len(self._right) > REMEMBERED:
                self._right.popitem(last=False)
        verdicts = self._pending.pop(mark)
        self._go_on()
        for verdict in verdicts:
            verdict(right)

    def _mark(self, password: str, stored: str) -> bytes:
        text = f"{stored}\0{password}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, text, "sha256")


def _fits(password: str, stored: str) -> bool:
    return check_password(password, stored)


def _scrypt(password: str, salt: bytes, log_cost: int, block: int, passes: int) -> bytes:
    text = password.encode("utf-8", "surrogatepass")
    if not 1 <= log_cost <= 20:
        raise ValueError("cost out of range")
    return hashlib.scrypt(
        text, salt=salt, n=1 << log_cost, r=block, p=passes, maxmem=MEMORY, dklen=32
    )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
