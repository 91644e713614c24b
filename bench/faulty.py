"""`python -m sfu` with a bug that no client can reach: SIGUSR1 has the first worker panic,
SIGUSR2 the second."""

import asyncio
import signal
from typing import Any
from unittest.mock import patch

from sfu.__main__ import main
from sfu.workers import Workers

_start = Workers.start


def start(workers: Workers, *args: Any) -> None:
    """Starts them, with the bug."""
    _start(workers, *args)
    loop = asyncio.get_running_loop()
    for index, number in enumerate((signal.SIGUSR1, signal.SIGUSR2)):
        loop.add_signal_handler(number, _panic, workers, index)


def _panic(workers: Workers, index: int) -> None:
    workers._forwarders[index].worker.panic()


if __name__ == "__main__":
    with patch.object(Workers, "start", start):
        main()
