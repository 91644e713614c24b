"""What a call was like, in a few lines."""

from rich.console import Console
from rich.table import Table

from sfu.bench.call.timeline import Timeline


def show(console: Console, timeline: Timeline) -> None:
    """Prints one line per slot, and one for the link."""
    begin, end = 0.0, timeline.trace.seconds
    table = Table(
        *("slot", "kbit/s", "pixels high", "longest still", "frozen", "concealed", "lost"),
        box=None,
        padding=(0, 2, 0, 0),
    )
    for slot in timeline.slots:
        rates = [bps for at, bps in timeline.video_bps(slot) if at >= begin]
        heights = [height for at, height in timeline.heights(slot) if at >= begin]
        table.add_row(
            f"{slot} (speaker)" if slot == timeline.speaker else slot,
            f"{sum(rates) / max(1, len(rates)) / 1000:.0f}",
            f"{min(heights, default=0)} to {max(heights, default=0)}",
            f"{1000 * timeline.longest_gap(slot, begin, end):.0f} ms",
            f"{timeline.grown(slot, 'video', 'totalFreezesDuration', begin, end):.1f} s",
            f"{timeline.concealed(slot, begin, end):.2%}" if slot == timeline.speaker else "",
            f"{timeline.grown(slot, 'video', 'packetsLost', begin, end):.0f}",
        )
    console.print(table)
    late = max((row["late_ms"] for row in timeline.link), default=0.0)
    queue = sorted(timeline.queue_ms(begin, end)) or [0.0]
    console.print(
        f"link: {timeline.received_bps(begin, end) / 1e6:.2f} Mbit/s carried; queue "
        f"{queue[len(queue) // 2]:.0f} ms median, {queue[int(0.95 * len(queue))]:.0f} ms p95, "
        f"{queue[-1]:.0f} ms at most; {timeline.dropped(begin, end)} packets dropped; "
        f"the emulator was late by {late:.1f} ms at most",
        highlight=False,
    )
