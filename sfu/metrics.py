"""Every metric in one table, and how each gets its value. Prometheus text out.

Labels have few values by construction: roles, states, kinds, reasons, workers.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

TABLE: Final[dict[str, tuple[str, tuple[str, ...], str]]] = {
    "sfu_rooms": ("gauge", (), "Rooms."),
    "sfu_participants": ("gauge", ("role",), "People in rooms, by role."),
    "sfu_sockets": ("gauge", (), "Signaling sockets that are open."),
    "sfu_transports": ("gauge", ("state",), "Transports, by state of ICE and DTLS."),
    "sfu_packets": ("counter", ("direction", "kind"), "Datagrams received and sent, by kind."),
    "sfu_bytes": ("counter", ("direction", "kind"), "UDP payload bytes, by kind."),
    "sfu_drops": ("counter", ("reason",), "Datagrams that were dropped, by reason."),
    "sfu_nacks": ("counter", ("direction",), "Negative acknowledgements (RFC 4585)."),
    "sfu_plis": ("counter", ("direction",), "Picture loss indications (RFC 4585)."),
    "sfu_firs": ("counter", ("direction",), "Full intra requests (RFC 5104)."),
    "sfu_retransmissions": ("counter", (), "Packets sent again on request (RFC 4588)."),
    "sfu_srtp_failures": ("counter", (), "Packets whose SRTP authentication failed."),
    "sfu_plane_events": ("counter", ("event",), "Other totals of the plane, by its names."),
    "sfu_plane_busy_share": (
        "gauge",
        ("worker",),
        "Share of a worker's time, 0 to 1.",
    ),
    "sfu_feedback_rows": ("counter", (), "Rows of feedback from subscribers."),
    "sfu_worker_faults": ("gauge", (), "Workers that have stopped by a fault."),
    "sfu_event_loop_lag_seconds": ("histogram", (), "How late the event loop runs its timer."),
}
"""Name (counters get `_total` at the end), type, labels, help."""


class Source(Protocol):
    """Where values come from at the moment of a scrape."""

    def people(self) -> Mapping[str, int]:
        """By role."""

    def transports(self) -> Mapping[str, int]:
        """By state."""

    def gauges(self) -> Mapping[str, float]:
        """Those without labels, by name."""

    def plane(self) -> Iterable[Mapping[str, int]]:
        """Each worker's counters, by the plane's names."""


@dataclass(slots=True)
class _Busy:
    busy: int = 0
    wall: int = 0
    share: float = 0.0


class Metrics:
    """Of one server, with a registry of its own."""

    def __init__(self, source: Source) -> None:
        self.registry = CollectorRegistry()
        name = "sfu_event_loop_lag_seconds"
        self.lag = Histogram(
            name,
            TABLE[name][2],
            registry=self.registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
        )
        self.registry.register(_Collector(source))

    def render(self) -> bytes:
        """The text format, version 0.0.4."""
        return generate_latest(self.registry)


class _Collector(Collector):
    def __init__(self, source: Source) -> None:
        self._source = source
        self._busy: dict[int, _Busy] = {}

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        source = self._source
        families = {name: _family(name) for name, entry in TABLE.items() if entry[0] != "histogram"}
        for name, value in source.gauges().items():
            families[name].add_metric([], value)
        for role, count in source.people().items():
            families["sfu_participants"].add_metric([role], count)
        for state, count in source.transports().items():
            families["sfu_transports"].add_metric([state], count)
        totals: dict[str, int] = {}
        for index, counters in enumerate(source.plane()):
            share = self._share(index, counters.get("busy_us", 0), counters.get("wall_us", 0))
            families["sfu_plane_busy_share"].add_metric([str(index)], share)
            for name, count in counters.items():
                totals[name] = totals.get(name, 0) + count
        for name, count in totals.items():
            metric, labels = place(name)
            families[metric].add_metric(list(labels), count)
        yield from families.values()

    def _share(self, worker: int, busy: int, wall: int) -> float:
        """Over the time since the scrape before."""
        last = self._busy.setdefault(worker, _Busy())
        if wall > last.wall:
            last.share = (busy - last.busy) / (wall - last.wall)
            last.busy, last.wall = busy, wall
        return last.share


def place(counter: str) -> tuple[str, tuple[str, ...]]:
    """The metric and labels of one of the plane's counters."""
    head, _, rest = counter.partition("_")
    match head, rest.partition("_"):
        case (("packets" | "bytes"), (("in" | "out") as direction, _, kind)) if kind:
            return f"sfu_{head}", (direction, kind)
        case (("nacks" | "plis" | "firs"), (("in" | "out") as direction, _, "")):
            return f"sfu_{head}", (direction,)
        case "drop", _ if rest:
            return "sfu_drops", (rest,)
    if counter == "retransmitted":
        return "sfu_retransmissions", ()
    if counter == "srtp_failures":
        return "sfu_srtp_failures", ()
    return "sfu_plane_events", (counter,)


def _family(name: str) -> CounterMetricFamily | GaugeMetricFamily:
    kind, labels, help = TABLE[name]
    family = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
    return family(name, help, labels=list(labels))
