"""What a link does over time, as JSON: simulator and link emulator run the same traces.

    {"name": "drop", "seconds": 60,
     "down": {"capacity": [[0, 2500000], [20, 600000]], "queue": [[0, 93750], [20, 22500]],
              "delay": 0.025, "loss": 0.0, "jitter": 0.0},
     "up": {"delay": 0.025}}

`down` leads from the server to the receiver, `up` back. Each quantity is a number, or a list of
[seconds, value] that holds from then on, the first one at 0. What is left out does not limit.
"""

import json
import math
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

Steps = tuple[tuple[float, float], ...]
"""(seconds since the start, value from then on), ascending from 0."""


class TraceError(ValueError):
    """A trace that does not say what a link does."""


@dataclass(frozen=True, slots=True)
class Direction:
    """One way through the link, first in, first out."""

    capacity: Steps = ((0.0, math.inf),)
    """bit/s of IP packets."""
    delay: Steps = ((0.0, 0.0),)
    """Seconds of propagation, queue apart."""
    queue: Steps = ((0.0, math.inf),)
    """Bytes that may wait; what does not fit is dropped at the tail."""
    loss: Steps = ((0.0, 0.0),)
    """Fraction of packets lost besides, each by itself."""
    jitter: Steps = ((0.0, 0.0),)
    """Seconds: delay uniform from 0 to this is added, without overtaking."""
    burst: Steps = ((0.0, 1.0),)
    """Packets lost in a row on average; above 1 losses come in bursts (emulator only)."""
    mark: Steps = ((0.0, math.inf),)
    """Seconds in the queue above which ECN-capable packets are marked (emulator only)."""

    @classmethod
    def of(
        cls,
        *,
        capacity: float | Steps = math.inf,
        delay: float | Steps = 0.0,
        queue: float | Steps = math.inf,
        queue_seconds: float | None = None,
        loss: float | Steps = 0.0,
        jitter: float | Steps = 0.0,
    ) -> "Direction":
        """With numbers for what stays; `queue_seconds` makes the queue as long at any capacity."""
        rates = steps(capacity)
        if queue_seconds is not None:
            queue = tuple((at, rate / 8 * queue_seconds) for at, rate in rates)
        return cls(rates, steps(delay), steps(queue), steps(loss), steps(jitter))


@dataclass(frozen=True, slots=True)
class Trace:
    """Both ways of one link for `seconds`."""

    name: str
    seconds: float
    down: Direction
    up: Direction = Direction()

    def to_json(self) -> dict[str, Any]:
        """As JSON takes it; without what does not limit."""
        return {
            "name": self.name,
            "seconds": self.seconds,
            "down": _direction_to_json(self.down),
            "up": _direction_to_json(self.up),
        }


def steps(value: float | Steps) -> Steps:
    """A number as the one step that it is."""
    return value if isinstance(value, tuple) else ((0.0, float(value)),)


def value_at(course: Steps, seconds: float) -> float:
    """What holds at that time."""
    return next(value for at, value in reversed(course) if at <= seconds or at == 0.0)


def parse(document: Any) -> Trace:
    """A trace from decoded JSON."""
    _only(document, {"name", "seconds", "down", "up"}, "trace")
    name = document.get("name", "")
    seconds = document.get("seconds")
    if not isinstance(name, str) or not _positive(seconds):
        raise TraceError("a trace has a name and a number of seconds above 0")
    down, up = (_direction(document.get(way, {}), way) for way in ("down", "up"))
    return Trace(name, float(seconds), down, up)


def load(path: Path) -> Trace:
    """A trace from a file."""
    try:
        return parse(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise TraceError(f"{path}: {error}") from error


def recorded() -> dict[str, Trace]:
    """Those of bench/traces, by name: what mobile networks carried."""
    found = (load(path) for path in sorted(_RECORDED.glob("*.json")))
    return {each.name: each for each in found}


def save(trace: Trace, path: Path) -> None:
    path.write_text(json.dumps(trace.to_json(), indent=2) + "\n", encoding="utf-8")


def _direction(document: Any, way: str) -> Direction:
    names = {field.name for field in fields(Direction)}
    _only(document, names, way)
    return Direction(**{name: _steps(each, f"{way}.{name}") for name, each in document.items()})


def _steps(document: Any, name: str) -> Steps:
    pairs = document if isinstance(document, list) else [[0, document]]
    is_list = bool(pairs) and all(isinstance(each, list) and len(each) == 2 for each in pairs)
    if not is_list or not all(_least_zero(value) for pair in pairs for value in pair):
        raise TraceError(f"{name}: a number or a list of [seconds, value], none below 0")
    course = tuple((float(at), float(value)) for at, value in pairs)
    if course[0][0] != 0.0 or any(later <= at for (at, _), (later, _) in pairwise(course)):
        raise TraceError(f"{name}: seconds ascend from 0")
    if name.endswith(_FRACTIONS) and any(value > 1.0 for _, value in course):
        raise TraceError(f"{name}: a fraction is at most 1")
    return course


def _only(document: Any, names: set[str], where: str) -> None:
    if not isinstance(document, dict):
        raise TraceError(f"{where}: an object is expected")
    unknown = sorted(document.keys() - names)
    if unknown:
        raise TraceError(f"{where}: {unknown[0]!r} is unknown")


def _least_zero(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and value >= 0


def _positive(value: Any) -> bool:
    return _least_zero(value) and value > 0


def _direction_to_json(direction: Direction) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for field in fields(Direction):
        course = getattr(direction, field.name)
        if course == field.default:
            continue
        pairs = [[at, value] for at, value in course]
        document[field.name] = pairs[0][1] if len(pairs) == 1 else pairs
    return document


_FRACTIONS: Final = ".loss"
_RECORDED: Final = Path(__file__).with_name("traces")
