"""Links that a call can be held over by name. All have 50 ms of round trip and 300 ms of queue."""

from pathlib import Path
from typing import Final

from sfu.bench import trace
from sfu.bench.trace import Direction, Steps, Trace

_DELAY: Final = 0.025
_QUEUE: Final = 0.3


def _trace(name: str, seconds: float, capacity: float | Steps, loss: float = 0.0) -> Trace:
    down = Direction.of(capacity=capacity, queue_seconds=_QUEUE, delay=_DELAY, loss=loss)
    return Trace(name, seconds, down, Direction.of(delay=_DELAY))


TRACES: Final = {
    each.name: each
    for each in (
        _trace("steady", 40.0, 1.5e6),
        _trace("rise", 40.0, ((0.0, 1e6), (20.0, 2.5e6))),
        _trace("drop", 50.0, ((0.0, 2.5e6), (15.0, 0.6e6), (30.0, 2.5e6))),
        _trace("lossy", 40.0, 3e6, loss=0.05),
    )
}


def find(name: str) -> Trace:
    """One of those, or what a file says. Raises TraceError."""
    known = TRACES | trace.recorded()
    if name in known:
        return known[name]
    if not Path(name).exists():
        raise trace.TraceError(f"{name}: no such file, and no trace; there are {', '.join(known)}")
    return trace.load(Path(name))
