"""`sfu`, on a machine so busy that what packet workers say last of a connection comes late."""

import asyncio
import random
from typing import Final

from sfu.__main__ import main
from sfu.transport import Transport

LATE: Final = 0.4
"""Seconds at most; a usage record waits longer (`sfu.journal.SETTLING`)."""

_counted = Transport.counted


def _late(self: Transport, received: int, sent: int) -> None:
    seconds = random.random() * LATE
    asyncio.get_running_loop().call_later(seconds, _counted, self, received, sent)


if __name__ == "__main__":
    Transport.counted = _late  # type: ignore[method-assign]  # a delay, and nothing else
    main()
