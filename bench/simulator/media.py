"""What publishers send: cameras in simulcast, shared screens, and pictures of any rate."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

import numpy as np

from sfu.bench.simulator.packets import HEADERS, PAYLOAD, STEP, Bools, Floats, Ints

LAYERS: Final = 3
"""Most simulcast layers of a source."""
SIMULCAST: Final = (150_000.0, 450_000.0, 1_250_000.0)
"""bit/s of a 720p camera's layers."""
TEMPORAL_SHARES: Final = (0.4, 0.6, 1.0)
"""Of a layer's rate up to each of its three temporal layers (libwebrtc)."""


class Kind(Enum):
    """How the sizes of a source's frames run."""

    CAMERA = 0
    SCREEN = 1
    """Next to nothing while a slide stands, all of its rate for a moment when it changes."""
    ELASTIC = 2
    """A camera that is encoded at whatever rate `Sources.set_rate` says."""


@dataclass(frozen=True, slots=True)
class Source:
    """A published picture."""

    kind: Kind = Kind.CAMERA
    layers: tuple[float, ...] = SIMULCAST
    """bit/s, lowest first."""
    fps: float = 30.0
    changes: tuple[tuple[float, tuple[float, ...]], ...] = ()
    """(seconds, bit/s of each layer from then on): what the publisher itself changes."""
    refresh: float = math.inf
    """Seconds between keyframes of all layers that nobody here has asked for."""


class Frames(NamedTuple):
    """Frames of one step, one entry per source that has one."""

    source: Ints
    size: Ints
    """(frames, LAYERS) bytes; 0 where a layer is not sent."""
    temporal: Ints
    key: Bools
    """(frames, LAYERS)"""


class Sources:
    """All published sources: their frames, and the keyframes that are asked of them.

    Requests go through what the plane does with them: one per layer and two seconds at the most,
    whoever asks.
    """

    def __init__(self, sources: Sequence[Source], generator: np.random.Generator) -> None:
        count = len(sources)
        self._generator = generator
        self._kind = np.array([each.kind.value for each in sources], dtype=np.int64)
        self._interval = np.array([1.0 / each.fps for each in sources])
        self.rate = np.zeros((count, LAYERS))
        """bit/s of each layer now, payload alone."""
        for index, each in enumerate(sources):
            self.rate[index, : len(each.layers)] = each.layers
        self._changes = sorted(
            (at, index, rates) for index, each in enumerate(sources) for at, rates in each.changes
        )
        self._due = generator.random(count) * self._interval
        self._picture = np.zeros(count, dtype=np.int64)
        self._activity = np.zeros(count)
        self._busy_until = np.zeros(count)
        self._next_slide = generator.exponential(_SLIDE, count)
        self._over = np.zeros((count, LAYERS))
        self._wanted = np.zeros((count, LAYERS), dtype=bool)
        self._answered = np.ones((count, LAYERS), dtype=bool)
        self._requested = np.full((count, LAYERS), -_STEADY)
        self._key_at = np.full((count, LAYERS), np.inf)
        self._refresh = np.array([each.refresh for each in sources])
        self._refresh_at = self._refresh * generator.random(count)
        self.bytes = np.zeros((count, LAYERS))
        self.keyframes = np.zeros((count, LAYERS), dtype=np.int64)
        self.keyframe_bytes = np.zeros((count, LAYERS))

    def want(self, source: Ints, layer: Ints) -> None:
        """Somebody needs a keyframe of each of these."""
        self._wanted[source, layer] = True

    def set_rate(self, source: Ints, rate: Floats) -> None:
        """What elastic sources are encoded at from now on."""
        self.rate[source, 0] = rate

    def step(self, time: float) -> Frames:
        """Frames that come in until the end of the step that begins at `time`."""
        while self._changes and self._changes[0][0] <= time:
            _, index, rates = self._changes.pop(0)
            self.rate[index] = 0.0
            self.rate[index, : len(rates)] = rates
        self._request(time)
        source = np.flatnonzero(self._due < time + STEP)
        self._due[source] += self._interval[source]
        temporal = _PATTERN[self._picture[source] % len(_PATTERN)]
        self._picture[source] += 1
        rate = self.rate[source] * self._demand(source, time)[:, None]
        key = (self._key_at[source] <= time) & (rate > 0.0)
        mean = rate / 8.0 * self._interval[source][:, None]
        size = self._sizes(source, mean, temporal, key)
        self._answer(source, size, key)
        temporal[key.any(axis=1)] = 0
        self._picture[source[key.any(axis=1)]] = 1
        return Frames(source, size, temporal, key)

    def _request(self, time: float) -> None:
        fresh = self._refresh_at <= time
        if fresh.any():
            self._key_at[fresh] = time
            self._refresh_at[fresh] += self._refresh[fresh]
        waits = np.where(self._answered, _STEADY, _RETRY)
        due = self._wanted & (time - self._requested >= waits) & (self.rate > 0.0)
        if due.any():
            self._requested[due] = time
            self._answered[due] = False
            self._key_at[due] = np.minimum(self._key_at[due], time + _PUBLISHER)

    def _demand(self, source: Ints, time: float) -> Floats:
        """Share of the nominal rate that the picture takes at the moment."""
        wave = self._activity[source]
        wave += self._interval[source] / _WAVE * -wave
        wave += np.sqrt(2 * self._interval[source] / _WAVE) * self._generator.normal(size=len(wave))
        self._activity[source] = wave
        demand = np.clip(0.96 + 0.06 * wave, 0.75, 1.04)
        demand[self._kind[source] == Kind.ELASTIC.value] = 1.0
        screen = self._kind[source] == Kind.SCREEN.value
        if screen.any():
            which = source[screen]
            turned = which[self._next_slide[which] <= time]
            self._busy_until[turned] = time + self._generator.uniform(0.5, 1.5, len(turned))
            self._next_slide[turned] = time + self._generator.exponential(_SLIDE, len(turned))
            still = self._busy_until[which] <= time
            demand[screen] = np.where(still, _STILL, 1.0)
        share: Floats = demand
        return share

    def _sizes(self, source: Ints, mean: Floats, temporal: Ints, key: Bools) -> Ints:
        """Bytes of frames; the encoder makes up for what it spent above its rate."""
        spread = self._generator.lognormal(-(_SPREAD**2) / 2, _SPREAD, len(source))
        repaid = np.clip(self._over[source] * self._interval[source][:, None] / _REPAY, 0, None)
        plain = mean * (_WEIGHT[temporal] * spread)[:, None] - np.minimum(repaid, 0.4 * mean)
        big = mean * self._generator.uniform(8.0, 10.0, len(source))[:, None]
        size = np.where(key, big, np.maximum(plain, np.where(mean > 0.0, _SMALLEST, 0.0)))
        self._over[source] = np.maximum(self._over[source] + size - mean, -mean)
        return size.astype(np.int64)

    def _answer(self, source: Ints, size: Ints, key: Bools) -> None:
        self.bytes[source] += size
        self.keyframes[source] += key
        self.keyframe_bytes[source] += np.where(key, size, 0)
        for state, value in ((self._wanted, False), (self._answered, True), (self._key_at, np.inf)):
            state[source] = np.where(key, value, state[source])


def wire_rate(rate: float, fps: float) -> float:
    """bit/s of a layer as the plane counts it, headers included."""
    packets = max(fps, rate / 8 / PAYLOAD + fps / 2)
    return rate + packets * HEADERS * 8


_PATTERN: Final = np.array([0, 2, 1, 2])
_WEIGHT: Final = np.array([1.6, 0.8, 0.8])
"""Of a frame against the mean, by temporal layer: shares of 40, 20 and 40 %."""
_SPREAD: Final = 0.2
_WAVE: Final = 3.0
"""Seconds over which a picture's motion changes."""
_SLIDE: Final = 6.0
"""Seconds that a slide stands, on average."""
_STILL: Final = 0.04
_SMALLEST: Final = 60
_REPAY: Final = 0.7
"""Seconds in which the encoder makes up for a keyframe."""
_STEADY: Final = 2.0
_RETRY: Final = 0.4
_PUBLISHER: Final = 0.08
"""Seconds from a request until the keyframe is here, the wait for the next frame apart."""
