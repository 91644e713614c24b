"""What a measurement found, and the goals it is held against."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

GOAL_US: Final = 4.0
"""CPU of the server per forwarded packet, in microseconds."""
GOAL_RATIO: Final = 1.4
"""Of that to the floor."""
GOAL_P99_MS: Final = 10.0
ENOUGH: Final = 0.4
"""So much of all must have been seen while the machine was not slow to be judged by it alone."""
GOAL_BYTES: Final = 256 * 1024
"""Resident memory per subscriber, with two hundred of them to divide what the first one costs."""


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


@dataclass(frozen=True, slots=True)
class Floor:
    """One run of the bare loop."""

    packets: int
    us_per_packet: float
    lost: int
    steady_us: float | None = None
    """The same while the machine was not slow."""


@dataclass(frozen=True, slots=True)
class Latency:
    """From the presenter's send to the attendee's receive call, in milliseconds."""

    p50: float
    p99: float
    most: float


@dataclass(frozen=True, slots=True)
class Steady:
    """What was seen while the machine ran at its usual speed: see the native engine's `slow_ns`."""

    us_per_packet: float | None
    """Of those quarters of a second in which it always did; None if there were none."""
    video: Latency
    audio: Latency
    """Of packets that were not under way while it was slow."""
    share: float
    """Of the packets that were timed, so many."""


@dataclass(frozen=True, slots=True)
class Thread:
    """What one thread of the server took."""

    name: str
    busy: float
    """Share of its core."""
    us_per_packet: float


@dataclass(frozen=True, slots=True)
class Forward:
    """One measurement of the server, `floors` beside it."""

    attendees: int
    presenters: int
    seconds: float
    packets: int
    packets_per_second: float
    delivered: float
    """Share of what everybody would have got, had the server left nothing out."""
    us_per_packet: float
    us_by_second: Sequence[float]
    threads: Sequence[Thread]
    lost: int
    recovered: int
    damaged: int
    late: int
    duplicates: int
    verified: int
    keyframes: int
    keyframe_requests: int
    video: Latency
    audio: Latency
    load_busy: float
    """Share of its core that the load's thread took; near 1 the load is the bottleneck."""
    stolen: float
    """Cores that the host gave to other guests meanwhile; with much of it, figures are noise."""
    seconds_to_join: float = 0.0
    bytes_per_subscriber: float = 0.0
    dropped: int = 0
    """Datagrams that the kernel dropped at the server's media socket."""
    microphones: int = 1
    """How many of the presenters speak."""
    profile: str = ""
    """The SRTP profile that was agreed upon."""
    workers: int = 1
    """That shared the room."""
    floors: Sequence[Floor] = ()
    slow: float = 0.0
    """Share of the time for which the machine was slow."""
    steady: Steady | None = None
    """None if it was slow nearly always."""

    def with_floors(self, floors: Sequence[Floor]) -> "Forward":
        """The same beside these runs of the floor."""
        return replace(self, floors=tuple(floors))

    def with_surroundings(
        self,
        *,
        seconds_to_join: float,
        bytes_per_subscriber: float,
        dropped: int,
        profile: str = "",
    ) -> "Forward":
        """The same with what was seen besides packets."""
        return replace(
            self,
            seconds_to_join=seconds_to_join,
            bytes_per_subscriber=bytes_per_subscriber,
            dropped=dropped,
            profile=profile,
        )

    @property
    def us_median(self) -> float:
        """Of the seconds: what disturbs a few of them does not count."""
        return statistics.median(self.us_by_second)

    @property
    def cost_us(self) -> float:
        """Microseconds per packet that goals are held against and servers compared by: without the
        time for which the machine was slow, which one server's run has more of than another's."""
        steady = self.steady.us_per_packet if self.steady else None
        return self.us_per_packet if steady is None else steady

    @property
    def judged(self) -> tuple[Latency, Latency]:
        """Latencies that goals are held against, of video and of sound."""
        return (self.steady.video, self.steady.audio) if self.steady else (self.video, self.audio)

    @property
    def floor_us(self) -> float | None:
        """Mean of the floors, microseconds per packet."""
        if not self.floors:
            return None
        return sum(each.us_per_packet for each in self.floors) / len(self.floors)

    @property
    def ratio(self) -> float | None:
        """Server to floor."""
        return None if self.floor_us is None else self.us_per_packet / self.floor_us

    @property
    def steady_floor_us(self) -> float | None:
        """Mean of the floors while the machine was not slow."""
        floors = [each.steady_us for each in self.floors if each.steady_us is not None]
        return sum(floors) / len(floors) if floors else None

    @property
    def steady_ratio(self) -> float | None:
        """Server to floor, both while the machine was not slow."""
        steady, floor = self.steady, self.steady_floor_us
        if steady is None or steady.us_per_packet is None or floor is None:
            return None
        return steady.us_per_packet / floor

    def missed(self) -> list[str]:
        """The goals that were not reached, in words."""
        ratio = self.steady_ratio or self.ratio or 0.0
        p99 = max(each.p99 for each in self.judged)
        kib = self.bytes_per_subscriber / 1024
        goals = [
            (
                self.cost_us > GOAL_US,
                f"{self.cost_us:.2f} µs per packet, not {GOAL_US}",
            ),
            (ratio > GOAL_RATIO, f"{ratio:.2f} times the floor, not {GOAL_RATIO}"),
            (self.delivered < 0.98, f"{self.delivered:.0%} of what was sent was forwarded"),
            (self.lost > 0, f"{self.lost} packets lost"),
            (self.damaged > 0, f"{self.damaged} packets damaged or unknown"),
            (p99 > GOAL_P99_MS, f"p99 latency {p99:.1f} ms, not {GOAL_P99_MS:.0f}"),
            (
                self.bytes_per_subscriber > GOAL_BYTES,
                f"{kib:.0f} KiB per subscriber, not {GOAL_BYTES // 1024}",
            ),
        ]
        return [text for is_missed, text in goals if is_missed]

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""
        derived = {
            "us_median": self.us_median,
            "floor_us": self.floor_us,
            "ratio": self.ratio,
            "cost_us": self.cost_us,
            "steady_floor_us": self.steady_floor_us,
            "steady_ratio": self.steady_ratio,
            "missed": self.missed(),
        }
        return {**asdict(self), **derived}
