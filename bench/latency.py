"""How long packets stay in the server: percentiles, and their course."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from sfu.bench import peers
from sfu.bench.forward import is_steady
from sfu.bench.room import Progress, Room, prepare
from sfu.bench.shape import Shape

if TYPE_CHECKING:
    from sfu.bench._load import Snapshot

QUANTILES: Final = ("p50", "p90", "p99", "p999", "max")
GOALS: Final = {("video", "p50"): 3.0, ("video", "p99"): 10.0, ("audio", "p99"): 3.0}
"""In milliseconds."""


@dataclass(frozen=True, slots=True)
class Latencies:
    """Milliseconds from send to receive call, by kind and quantile."""

    attendees: int
    cameras: int
    seconds: float
    video: dict[str, float]
    audio: dict[str, float]
    steady_video: dict[str, float]
    steady_audio: dict[str, float]
    """Of packets that were not under way while the machine was slow; empty if there were few."""
    steady: float
    """The share of those."""
    slow: float
    """Share of the time for which the machine was slow."""
    course: Sequence[dict[str, float]]
    """The same from the beginning to `at`, each second: `video_p50` and so on."""
    lost: int
    load_busy: float

    def missed(self) -> list[str]:
        """The goals that were not reached, in words."""
        missed = []
        for (kind, name), most in GOALS.items():
            value = self._judged(kind)[name]
            if value > most:
                missed.append(f"{kind} {name} {value:.1f} ms, not {most:.0f}")
        return [*missed, *([f"{self.lost} packets lost"] if self.lost else [])]

    def _judged(self, kind: str) -> dict[str, float]:
        if kind == "video":
            return self.steady_video or self.video
        return self.steady_audio or self.audio

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""
        return {**asdict(self), "missed": self.missed()}


def measure(shape: Shape, seconds: float, progress: Progress) -> Latencies:
    """Raises BenchError."""
    core, _ = prepare(shape)
    with peers.make("sfu", core, shape) as server:
        return asyncio.run(_measure(server, shape, seconds, progress))


async def _measure(
    server: peers.Server, shape: Shape, seconds: float, progress: Progress
) -> Latencies:
    async with Room(server, shape, progress) as room:
        await room.fill()
        whole = room.engine.snapshot(begin=True)
        start, course = time.monotonic(), []
        for second in range(round(seconds)):
            await asyncio.sleep(start + second + 1 - time.monotonic())
            now = room.engine.snapshot()
            at = time.monotonic() - start
            course.append({"at": at, **_flat(now)})
            progress("forwarding", at / seconds)
        end = room.engine.snapshot()
    values = _flat(end)
    return Latencies(
        shape.attendees,
        shape.cameras,
        seconds,
        {name: values[f"video_{name}"] for name in QUANTILES},
        {name: values[f"audio_{name}"] for name in QUANTILES},
        {name: values[f"steady_video_{name}"] for name in QUANTILES if is_steady(end)},
        {name: values[f"steady_audio_{name}"] for name in QUANTILES if is_steady(end)},
        (end["steady_video_timed"] + end["steady_audio_timed"])
        / max(1, end["video_timed"] + end["audio_timed"]),
        (end["slow_ns"] - whole["slow_ns"]) / 1e9 / seconds,
        course,
        end["expected"] - end["received"],
        (end["cpu_ns"] - whole["cpu_ns"]) / 1e9 / seconds,
    )


def _flat(snapshot: "Snapshot") -> dict[str, float]:
    values = cast("Mapping[str, int]", snapshot)
    return {
        f"{kind}_{name}": values[f"{kind}_{name}_ns"] / 1e6
        for kind in ("video", "audio", "steady_video", "steady_audio")
        for name in QUANTILES
    }
