"""The server that things happen to."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from sfu.bench.daemon import Daemon

Found = TypeVar("Found")

PRESENTERS: Final = 2


class Server(Daemon):
    """With workers that panic when they are told to."""

    module = "sfu.bench.faulty"

    def __init__(self, core: int | None, people: int, workers: int, resume_timeout: float) -> None:
        """`people` receive in one room, as many on each of the workers."""
        settings = {
            "SFU_ROOM__ATTENDEES": str(2 * people + 100),
            "SFU_ROOM__PRESENTERS": str(PRESENTERS + 1),
            "SFU_MEDIA__WORKERS": str(workers),
            "SFU_MEDIA__SPILL_AFTER": str(max(1, people // workers)),
            "SFU_LIMITS__RESUME_TIMEOUT": f"{resume_timeout:.0f}s",
        }
        super().__init__(core, settings)

    def observe(
        self, measuring: Callable[[Self], Coroutine[Any, Any, Found]], log: Path | None
    ) -> Found:
        """What is found while it runs; its log is kept where `log` says. Raises BenchError, and
        OSError of that file."""
        with self:
            try:
                return asyncio.run(measuring(self))
            finally:
                if log is not None:
                    self.keep_log(log)

    def interrupt(self, number: signal.Signals) -> None:
        """Has a worker panic."""
        self.running.send_signal(number)
