"""Results as tables and as JSON."""

import json
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from sfu.bench.results import Forward, Latency


def show(console: Console, result: Forward, facts: Mapping[str, str]) -> None:
    """Prints the tables: what was measured, where the time went, on which machine."""
    console.print(_summary(result))
    console.print(_threads(result))
    console.print(
        f"second by second {min(result.us_by_second):.2f} to {max(result.us_by_second):.2f} "
        f"µs/packet, median {result.us_median:.2f}; the host took {result.stolen:.1%} of a core",
        highlight=False,
    )
    if result.floors:
        runs = " and ".join(f"{each.us_per_packet:.2f}" for each in result.floors)
        lost = sum(each.lost for each in result.floors)
        console.print(f"floor before and after {runs} µs/packet, {lost} lost", highlight=False)
    joined = f"{result.attendees} joined in {result.seconds_to_join:.1f} s"
    console.print(
        f"{joined}; {result.verified} packets opened and compared, {result.damaged} damaged, "
        f"{result.late} late, {result.duplicates} twice, {result.recovered} retransmitted; "
        f"{result.keyframes} keyframes, {result.keyframe_requests} asked for; "
        f"load's thread {result.load_busy:.0%} busy; {result.dropped} dropped by the kernel",
        highlight=False,
    )
    console.print("; ".join(f"{name} {value}" for name, value in facts.items()), highlight=False)
    for text in result.missed():
        console.print(f"[yellow]goal missed:[/] {text}", highlight=False)


def save(path: Path, result: Forward, facts: Mapping[str, str]) -> None:
    """Writes everything as JSON."""
    document = {"machine": dict(facts), "forward": result.to_json()}
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _summary(result: Forward) -> Table:
    columns = ["N", "packets/s", "µs/packet", "floor", "ratio", "lost"]
    columns += ["video ms", "audio ms", "KiB each"]
    table = Table(*columns, box=None, padding=(0, 2, 0, 0), caption="latencies are p50 / p99")
    table.add_row(
        str(result.attendees),
        f"{result.packets_per_second:,.0f}",
        f"{result.us_per_packet:.2f}",
        "-" if result.floor_us is None else f"{result.floor_us:.2f}",
        "-" if result.ratio is None else f"{result.ratio:.2f}",
        str(result.lost),
        _latency(result.video),
        _latency(result.audio),
        f"{result.bytes_per_subscriber / 1024:.0f}",
    )
    return table


def _latency(latency: Latency) -> str:
    return f"{latency.p50:.1f} / {latency.p99:.1f}"


def _threads(result: Forward) -> Table:
    table = Table("server's thread", "busy", "µs/packet", box=None, padding=(0, 2, 0, 0))
    for thread in result.threads:
        table.add_row(thread.name, f"{thread.busy:.1%}", f"{thread.us_per_packet:.2f}")
    return table
