"""What leaves when: the plane's leaky bucket, probe clusters, padding and fast brake."""

import math
from typing import Final

import numpy as np

from sfu.bandwidth.rows import ABORT_PROBES, AT_LEISURE, START_PROBE, Records
from sfu.bench.simulator.packets import (
    AUDIO,
    PADDING,
    REPAIR,
    STEP,
    VIDEO,
    Bools,
    Floats,
    Ints,
    Packets,
    first_of_runs,
)
from sfu.bench.simulator.pictures import Pictures, Popped
from sfu.bench.simulator.queue import Queue


class Pacer:
    """One leaky bucket per row. Sound is never held but adds to the debt; then repairs, video and
    padding go while debt and packet are no more than a burst. Who is refused waits until nothing
    is owed. A burst is longer while the path shows no queue: a picture leaves as a whole then."""

    def __init__(self, audio: Ints, weights: Ints, generator: np.random.Generator) -> None:
        """`audio` is the number of microphones each row hears, `weights` those of its slots."""
        rows = len(audio)
        self._rows = np.arange(rows)
        self._generator = generator
        self.video = Pictures(weights)
        self.repairs = Queue(rows, _REPAIR_QUEUE)
        self.pacing = np.zeros(rows)
        """bit/s, 0 without a limit."""
        self.is_ample = np.ones(rows, dtype=bool)
        """Where that is far above the target, since the path was never seen to be full."""
        self.at_leisure = np.zeros(rows, dtype=bool)
        """Whose feedback may wait."""
        self.padding = np.zeros(rows)
        self.braked = np.zeros(rows, dtype=bool)
        self.throughput = np.zeros(rows)
        """bit/s acknowledged, for the brake."""
        self.is_clear = np.ones(rows, dtype=bool)
        """Where the last feedback showed no queue."""
        self.ordered_at = np.full(rows, -math.inf)
        """When rates came last."""
        self._debt = np.zeros(rows)
        self._refused = np.zeros(rows, dtype=bool)
        self._credit = np.zeros(rows)
        self._audio_due = np.full((rows, max(int(audio.max(initial=0)), 1)), math.inf)
        for row, count in enumerate(audio):
            self._audio_due[row, :count] = generator.random(count) * _AUDIO_INTERVAL
        self._audio_sent = np.zeros(self._audio_due.shape, dtype=np.int64)
        self._clusters: list[list[tuple[float, int, float, int, int]]] = [[] for _ in range(rows)]
        self._has_cluster = np.zeros(rows, dtype=bool)
        self._probe = np.zeros(rows, dtype=np.int64)
        self._probe_rate = np.zeros(rows)
        self._probe_bytes = np.zeros(rows)
        self._probe_packets = np.zeros(rows)
        self._probe_credit = np.zeros(rows)
        self._has_sent_video = np.zeros(rows, dtype=bool)
        self.ended: list[tuple[int, int]] = []
        """(row, cluster) of probes that have been sent in full since this was last emptied."""

    def obey(self, rows: Ints, rates: Records, time: float) -> None:
        """Takes RATES, the row of each given."""
        self.pacing[rows] = rates["pacing_bps"]
        self.is_ample[rows] = self.pacing[rows] >= _AMPLE * rates["target_bps"]
        self.padding[rows] = rates["padding_bps"]
        self.at_leisure[rows] = (rates["flags"] & AT_LEISURE) != 0
        self.ordered_at[rows] = time
        for row, each in zip(rows, rates, strict=True):
            if each["flags"] & ABORT_PROBES:
                self._clusters[row].clear()
                self._probe[row] = 0
            if each["flags"] & START_PROBE:
                cluster = (int(each["probe"]), float(each["probe_bps"]))
                least = (int(each["probe_bytes"]), int(each["probe_packets"]))
                self._clusters[row].append((time, *cluster, *least))
            self._has_cluster[row] = bool(self._clusters[row])

    def drop_repairs(self, row: int, slot: int, before: int) -> None:
        """Frames of a stream before this one are not sent again."""
        slots, frames, _ = self.repairs.entries(row)
        self.repairs.remove(row, slot, frames[(slots == slot) & (frames < before)])

    def queued(self, time: float) -> Floats:
        """Seconds that the oldest packet has waited."""
        return np.maximum(self.video.oldest(time), self.repairs.oldest(time))

    def step(self, time: float) -> Packets:
        """All that leaves within the step that begins at `time`, in order of row and sending."""
        self._start_clusters(time)
        rate = self._rate(time)
        owed, free_at = self._pay_off(rate)
        probing = self._probe > 0
        self._probe_credit += np.where(probing, self._probe_rate * (STEP / 8), 0.0)
        span = np.where(self.is_clear, np.where(self.is_ample, _LONG_BURST, _CLEAR_BURST), _BURST)
        burst = np.where(rate > 0, np.maximum(rate * (span / 8), _LEAST_BURST), math.inf)
        burst = np.where(self._refused & (owed > 0), 0.0, burst - np.maximum(owed, 0.0))
        audio = self._audio(time)
        spent = np.bincount(audio[0], audio[1], len(rate)).astype(np.float64)
        room = np.where(probing, self._probe_credit, burst) - spent
        repairs, after_repairs = self._repair(room, probing)
        left = room - after_repairs
        left[self.repairs.bytes > 0] = 0.0
        video, after_video = self.video.take(left, probing, self._refused, time)
        media = spent + after_repairs + after_video
        self._has_sent_video[video[0]] = True
        padding = self._padding(probing, media)
        packets = self._assemble((audio, repairs, video, padding), time, free_at)
        sent = np.bincount(packets.row, packets.size, len(rate))
        self._refused = (self.video.bytes + self.repairs.bytes) > 0
        # What falls due within the step is not lost while something waits for it.
        owed = np.where(sent > 0, owed, np.maximum(owed, 0.0)) + sent
        most = rate * (_MOST_DEBT / 8) + _LEAST_BURST
        self._debt = np.where(rate > 0, np.clip(owed, 0.0, most), 0.0)
        self._finish_clusters(packets)
        return packets

    def _pay_off(self, rate: Floats) -> tuple[Floats, Floats]:
        """What is owed at the end of the step, below 0 where it is paid before; and the seconds
        into the step until nothing is owed, where somebody waits for that."""
        paid = rate * (STEP / 8)
        owed = self._debt - paid
        waits = self._refused & (owed <= 0) & (paid > 0)
        free_at = np.where(waits, STEP * self._debt / np.maximum(paid, 1e-9), 0.0)
        return np.where(waits, owed, np.maximum(owed, 0.0)), free_at

    def _rate(self, time: float) -> Floats:
        """bit/s of the pacer now: less when braked, more when the queue has become old."""
        least = np.maximum(_BRAKE * self.throughput, _LEAST_RATE)
        slower = self.braked & ((self.pacing == 0) | (least < self.pacing))
        rate = np.where(slower, least, self.pacing)
        hasty: Floats = rate * np.clip(self.queued(time) / _OLDEST, 1.0, _MOST_HASTE)
        return hasty

    def _audio(self, time: float) -> tuple[Ints, Ints, Ints, Ints]:
        row, stream = np.nonzero(self._audio_due < time + STEP)
        self._audio_due[row, stream] += _AUDIO_INTERVAL
        number = self._audio_sent[row, stream]
        self._audio_sent[row, stream] += 1
        return row, np.full(len(row), AUDIO_SIZE), stream, number

    def _repair(self, room: Floats, probing: Bools) -> tuple[Popped, Floats]:
        """Repairs that fit into `room`, and the bytes that they come to per row; a probe's burst
        ends with the packet that exceeds it."""
        count, taken = self.repairs.fitting(self._rows, room, probing)
        return self.repairs.pop(count), taken

    def _padding(self, probing: Bools, media: Floats) -> tuple[Ints, Ints, Ints, Ints]:
        """Fills probes up, and idle rows to the rate of padding."""
        size = np.where(self._has_sent_video, _REPEATED, _PADDING_ONLY)
        most = 2.0 * _REPEATED
        self._credit = np.clip(
            self._credit + self.padding * (STEP / 8) - media, -self.padding * (_MOST_DEBT / 8), most
        )
        idle = (self.video.bytes == 0) & (self.repairs.bytes == 0) & ~self.braked & ~probing
        fill = np.where(idle & (self.padding > 0), np.maximum(self._credit, 0.0) // size, 0.0)
        self._credit -= fill * size
        self._probe_credit -= np.where(probing, media, 0.0)
        more = np.where(probing, np.ceil(np.maximum(self._probe_credit, 0.0) / size), 0.0)
        self._probe_credit -= more * size
        count = np.minimum(fill + more, _WIDEST).astype(np.int64)
        row = np.repeat(self._rows, count)
        none = np.full(len(row), -1)
        return row, size[row], none, none

    def _assemble(
        self, parts: tuple[tuple[Ints, Ints, Ints, Ints], ...], time: float, free_at: Floats
    ) -> Packets:
        """Packets by row, each kind in its turn, with the times at which they leave."""
        row, size, slot, frame = (
            np.concatenate([part[column] for part in parts]) for column in range(4)
        )
        kind = np.repeat(_KINDS, [len(part[0]) for part in parts])
        order = np.lexsort((kind, row))
        packets = Packets(row[order], size[order], kind[order], slot[order], frame[order])
        if not len(row):
            return packets
        lateness = self._generator.random(len(self._rows)) * _LATENESS
        starts, place = first_of_runs(packets.row)
        before = np.cumsum(packets.size) - packets.size
        before = before - np.repeat(before[starts], np.diff(np.append(starts, len(before))))
        packets.probe = self._probe[packets.row]
        pace = np.maximum(self._probe_rate[packets.row], 1.0)
        bursts = np.floor(before * 8.0 / pace / _PROBE_BURST) * _PROBE_BURST
        spread = np.where(packets.probe > 0, np.minimum(bursts, STEP - _PROBE_BURST / 2), 0.0)
        held = np.where((packets.probe > 0) | (packets.kind == AUDIO), 0.0, free_at[packets.row])
        packets.sent = time + lateness[packets.row] + spread + held + place * _SPACING
        packets.arrival = packets.wait = packets.sent
        return packets

    def _start_clusters(self, time: float) -> None:
        for row in np.flatnonzero(self._has_cluster & (self._probe == 0)):
            waiting = self._clusters[row]
            while waiting and time - waiting[0][0] > _STALE:
                waiting.pop(0)
            if waiting:
                _, self._probe[row], self._probe_rate[row], size, packets = waiting.pop(0)
                self._probe_bytes[row], self._probe_packets[row] = size, packets
                self._probe_credit[row] = 0.0
            self._has_cluster[row] = bool(waiting)

    def _finish_clusters(self, packets: Packets) -> None:
        probing = self._probe > 0
        if not probing.any():
            return
        self._probe_bytes -= np.bincount(packets.row, packets.size, len(probing))
        self._probe_packets -= np.bincount(packets.row, minlength=len(probing))
        done = probing & (self._probe_bytes <= 0) & (self._probe_packets <= 0)
        for row in np.flatnonzero(done):
            self.ended.append((int(row), int(self._probe[row])))
        self._probe[done] = 0


AUDIO_SIZE: Final = 160
"""Bytes of 20 ms of Opus at 48 kbit/s with headers."""
AUDIO_RATE: Final = AUDIO_SIZE * 8 * 50.0
_AUDIO_INTERVAL: Final = 0.02
_KINDS: Final = np.array([AUDIO, REPAIR, VIDEO, PADDING])
_REPAIR_QUEUE: Final = 256
_WIDEST: Final = 32
"""Most packets of padding that a row sends in one step."""
_BURST: Final = 0.005
_CLEAR_BURST: Final = 0.01
_LONG_BURST: Final = 0.04
_AMPLE: Final = 2.0
"""Seconds of the pacing rate, with and without a queue on the path."""
_LEAST_BURST: Final = 2400.0
_MOST_DEBT: Final = 0.5
"""Seconds of the pacing rate (goog_cc)."""
_OLDEST: Final = 1.0
"""Seconds: for what has waited longer the rate is raised by as much …"""
_MOST_HASTE: Final = 2.0
"""… but no more than this."""
_BRAKE: Final = 0.7
_LEAST_RATE: Final = 30_000.0
_REPEATED: Final = 1190
"""Bytes of padding that sends a recent packet again …"""
_PADDING_ONLY: Final = 279
"""… and of padding alone, before there was a picture (RFC 3550 §5.1: at most 255)."""
_PROBE_BURST: Final = 0.002
_STALE: Final = 5.0
_LATENESS: Final = 0.001
"""Seconds that the worker's loop comes late by, at most."""
_SPACING: Final = 10e-6
