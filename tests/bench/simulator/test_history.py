"""Rows of feedback against a literal computation, one packet and one report at a time."""

import math
from dataclasses import dataclass, field

import numpy as np
import pytest

from sfu.bandwidth.rows import PROBED, SILENT, TRANSPORT_WIDE, Records
from sfu.bench.simulator.history import History
from sfu.bench.simulator.packets import AUDIO, PADDING, REPAIR, STEP, VIDEO, Packets

TICK = 5


@dataclass
class Literal:
    """What the plane knows of one subscriber."""

    sent: list[tuple[int, int, int, float]] = field(default_factory=list)
    """(microseconds, bytes, kind, arrival) by transport-wide number."""
    covered: int = 0
    reports: list[tuple[float, int, int, float]] = field(default_factory=list)
    """(when it comes in, first number, last + 1, when it set out)."""
    done: int = 0
    base_us: int | None = None

    def report(self, at: float, arrival: float) -> None:
        came = [
            number
            for number in range(self.covered, len(self.sent))
            if (came_us := self.arrival_us(number)) is not None and came_us <= at * 1e6
        ]
        if came:
            self.reports.append((arrival, self.covered, came[-1] + 1, at))
            self.covered = came[-1] + 1

    def arrival_us(self, number: int) -> int | None:
        arrival = self.sent[number][3]
        return None if math.isinf(arrival) else int(arrival * 1e6 / 250) * 250

    def take(self, time: float) -> dict[str, int]:
        """Sums over the reports that have come in since the last call."""
        row = dict.fromkeys(("reports", "acked", "acked_bytes", "lost", "lost_bytes"), 0)
        delays: list[int] = []
        trips: list[int] = []
        due = sorted(each for each in self.reports if each[0] <= time)
        self.reports = [each for each in self.reports if each[0] > time]
        for arrival, first, last, _ in due:
            row["reports"] += 1
            row["time_us"] = round(arrival * 1e6)
            newest = None
            here = []
            for number in range(first, last):
                sent_us, size, _, _ = self.sent[number]
                came = self.arrival_us(number)
                name = "lost" if came is None else "acked"
                row[name] += 1
                row[f"{name}_bytes"] += size
                row["last_sent_us"] = sent_us
                if came is not None:
                    newest = sent_us
                    here.append(came - sent_us)
            self.done = last
            if newest is not None:
                trips.append(round(arrival * 1e6) - newest)
            least = min(here)
            self.base_us = least if self.base_us is None else min(self.base_us, least)
            delays += [delay - self.base_us for delay in (least, max(here))]
        if due:
            row["round_trip_us"] = min(trips)
            row["delay_min_us"], row["delay_max_us"] = min(delays), max(delays)
        row["in_flight_bytes"] = sum(size for _, size, _, _ in self.sent[self.done :])
        return row


def packets(generator: np.random.Generator, time: float, latest: np.ndarray) -> Packets:
    """Some packets of three rows, their fate decided; arrivals in order."""
    count = generator.integers(0, 4, 3)
    row = np.repeat(np.arange(3), count)
    total = len(row)
    sent = time + np.sort(generator.random(total)) * STEP
    sent = np.concatenate([np.sort(sent[row == each]) for each in range(3)])
    arrival = sent + generator.uniform(0.03, 0.06, total)
    for at in range(total):
        latest[row[at]] = arrival[at] = max(arrival[at], latest[row[at]])
    arrival[generator.random(total) < 0.1] = np.inf
    kind = generator.choice([AUDIO, REPAIR, VIDEO, PADDING], total)
    size = generator.integers(60, 1200, total)
    none = np.zeros(total, dtype=np.int64)
    return Packets(row, size, kind, none, none, sent, none, arrival, arrival - sent)


def test_rows_are_those_of_a_packet_by_packet_computation() -> None:
    generator = np.random.default_rng(11)
    history = History(3, np.random.default_rng(2))
    history._skew[:] = 0.0
    literal = [Literal() for _ in range(3)]
    latest, newest = np.zeros(3), np.zeros(3)
    sent_by_kind = np.zeros((3, 4), dtype=np.int64)
    seen = lost_reports = 0
    for step in range(600):
        time = step * STEP
        made = packets(generator, time, latest)
        history.record(made)
        for at in range(len(made)):
            literal[made.row[at]].sent.append(
                (round(made.sent[at] * 1e6), made.size[at], made.kind[at], made.arrival[at])
            )
            sent_by_kind[made.row[at], made.kind[at]] += made.size[at]
        rows, when = history.report(time)
        arrival = np.maximum(when + generator.uniform(0.02, 0.09, len(rows)), newest[rows])
        newest[rows] = arrival
        arrival[generator.random(len(rows)) < 0.1] = np.inf
        lost_reports += int(np.isinf(arrival).sum())
        history.deliver(arrival)
        for row, at, there in zip(rows, when, arrival, strict=True):
            literal[row].report(at, there)
        if step % TICK == TICK - 1:
            feedback, _ = history.take(time, np.full(3, 0.012))
            for each in feedback:
                row = int(each["transport"]) - 1
                wanted = literal[row].take(time)
                assert {name: int(each[name]) for name in wanted} == wanted
                assert each["queued_us"] == 12_000
                kinds = sent_by_kind[row]
                assert each["sent_bytes"] == kinds[AUDIO] + kinds[VIDEO]
                assert each["sent_rtx_bytes"] == kinds[REPAIR]
                assert each["sent_padding_bytes"] == kinds[PADDING]
                assert each["flags"] & TRANSPORT_WIDE
                kinds[:] = 0
                seen += 1
    assert seen > 100
    assert lost_reports > 10


def single(sent: list[float], arrival: list[float], probe: int = 0, size: int = 1000) -> Packets:
    count = len(sent)
    none = np.zeros(count, dtype=np.int64)
    columns = np.array(sent), np.full(count, probe), np.array(arrival)
    kind = np.full(count, VIDEO)
    return Packets(none, none + size, kind, none, none, *columns, np.zeros(count))


def run(history: History, begin: float, end: float, **which: bool) -> list[Records]:
    """Reports that take 20 ms, and rows each 25 ms."""
    found = []
    for step in range(round(begin / STEP), round(end / STEP)):
        time = step * STEP
        rows, at = history.report(time)
        if len(rows):
            history.deliver(at + 0.02)
        if step % TICK == 0:
            feedback, _ = history.take(time, np.zeros(1), **which)
            found += list(feedback)
    return found


def test_who_hears_nothing_is_told_each_half_second() -> None:
    history = History(1, np.random.default_rng(1))
    history.record(single([0.0], [math.inf]))
    rows = run(history, 0.005, 1.7)
    assert [bool(row["flags"] & SILENT) for row in rows] == [True] * 3
    assert [round(float(row["time_us"]) / 1e6, 1) for row in rows] == [0.5, 1.0, 1.5]
    assert history.is_silent(1.0)[0]


def test_losses_and_what_follows_on_them_do_not_wait() -> None:
    history = History(1, np.random.default_rng(1))
    history.record(single([0.0, 0.01], [0.05, 0.06]))
    assert run(history, 0.0, 0.3, urgent_only=True) == []
    history.record(single([0.3, 0.31, 0.32], [0.35, math.inf, 0.37]))
    assert [int(row["lost"]) for row in run(history, 0.3, 0.6, urgent_only=True)] == [1]
    history.record(single([0.6], [0.65]))
    assert [int(row["lost"]) for row in run(history, 0.6, 0.9, urgent_only=True)] == [0]
    history.record(single([2.0], [2.05]))
    assert run(history, 2.0, 2.3, urgent_only=True) == []


def test_who_is_at_leisure_is_told_of_when_all_are() -> None:
    history = History(1, np.random.default_rng(1))
    history.at_leisure[:] = True
    times = [0.01 * each for each in range(60)]
    history.record(single(times, [time + 0.05 for time in times]))
    assert run(history, 0.0, 0.6, leisurely_too=False) == []
    assert [int(row["deltas"]) for row in run(history, 0.6, 0.61)] == [20]
    history.record(single([0.7, 0.71, 0.72], [0.75, math.inf, 0.77]))
    assert [int(row["lost"]) for row in run(history, 0.7, 0.9, leisurely_too=False)] == [1]


def test_a_long_delay_brakes() -> None:
    history = History(1, np.random.default_rng(1))
    history.record(single([0.0], [0.05]))
    run(history, 0.0, 0.2)
    assert not history.is_late()[0]
    history.record(single([0.2], [0.51]))
    run(history, 0.2, 0.65)
    assert history.above_base[0] == pytest.approx(0.26, abs=0.001)
    assert history.is_late()[0]


@pytest.mark.parametrize(("arrive", "receive"), [(10, 4_000_000), (7, 0)])
def test_a_probe_is_reported_when_it_is_complete(arrive: int, receive: int) -> None:
    history = History(1, np.random.default_rng(1))
    sent = [0.001 * at for at in range(10)]
    came = [0.05 + 0.002 * at if at < arrive else math.inf for at in range(10)]
    history.record(single(sent, came, probe=7))
    history.probes.end(0, 7, 0.01)
    # A later packet shows that the last of the cluster are lost.
    history.record(single([0.02], [0.1]))
    rows = [row for row in run(history, 0.02, 0.4) if row["flags"] & PROBED]
    assert len(rows) == 1
    assert rows[0]["probe"] == 7
    assert rows[0]["probe_packets"] == arrive
    assert rows[0]["probe_receive_bps"] == pytest.approx(receive, rel=0.02)
    if receive:
        assert rows[0]["probe_send_bps"] == pytest.approx(8_000_000, rel=0.02)
