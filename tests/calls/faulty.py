"""`python -m sfu` with a bug that no client can reach: SIGUSR1 has the first worker panic."""

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
    loop.add_signal_handler(signal.SIGUSR1, lambda: workers._forwarders[0].worker.panic())


if __name__ == "__main__":
    with patch.object(Workers, "start", start):
        main()
