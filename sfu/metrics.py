"""Every metric in one table, and how each gets its value. Prometheus text out.

Labels have few values by construction: roles, states, kinds, reasons, workers.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

TABLE: Final[dict[str, tuple[str, tuple[str, ...], str]]] = {
    "sfu_rooms": ("gauge", (), "Rooms."),
    "sfu_participants": ("gauge", ("role",), "People in rooms, by role."),
    "sfu_sockets": ("gauge", (), "Signaling sockets that are open."),
    "sfu_sockets_unjoined": ("gauge", (), "Those of them that have not joined yet."),
    "sfu_sockets_opened": ("counter", (), "Signaling sockets that were opened."),
    "sfu_sockets_refused": (
        "counter",
        ("reason",),
        "Signaling sockets that were refused: by which of `[limits]`, by the page's origin, or by "
        "the subprotocol.",
    ),
    "sfu_connections": (
        "gauge",
        (),
        "Connections of HTTP that are no signaling sockets (yet), TLS handshakes included.",
    ),
    "sfu_connections_refused": (
        "counter",
        ("reason",),
        "Connections of HTTP that were refused, or closed for want of a request: by which of "
        "`[limits]`.",
    ),
    "sfu_joins": (
        "counter",
        ("result",),
        "Joins by socket, WHIP and WHEP: admitted, waiting at the door, resumed after a lost "
        "socket or a restart.",
    ),
    "sfu_joins_refused": (
        "counter",
        ("reason",),
        "Joins that were refused, by the code of docs/protocol.md.",
    ),
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
    "sfu_worker_restarts": ("counter", (), "Workers started anew after a fault."),
    "sfu_subscribers": (
        "gauge",
        ("state",),
        "Receivers whose path is up: full gets all that is wanted within the budget, short less, "
        "silent does not answer.",
    ),
    "sfu_subscribers_paced": (
        "gauge",
        (),
        "Receivers whose pictures leave packet by packet, near what their path is believed to "
        "carry: it carries less than all that is wanted with ease, or has once seemed full.",
    ),
    "sfu_subscriber_bps": (
        "gauge",
        ("rate",),
        "Sums over receivers, bit/s: estimate is what paths carry, target what may be spent, "
        "given what their layers cost, wanted what all would cost, arriving what arrives.",
    ),
    "sfu_subscriber_share": (
        "gauge",
        ("quantile",),
        "Part of the wanted rate that is given, over receivers, 0 to 1.",
    ),
    "sfu_subscriber_round_trip_seconds": ("gauge", ("quantile",), "Round trip, over receivers."),
    "sfu_subscriber_queue_seconds": (
        "gauge",
        ("quantile",),
        "Standing queue of the path, over receivers.",
    ),
    "sfu_subscriber_loss": (
        "gauge",
        ("quantile",),
        "Part of the bytes that do not arrive, over receivers, 0 to 1.",
    ),
    "sfu_subscriber_bytes": (
        "counter",
        ("kind",),
        "Bytes sent to receivers: media, repair on request, padding for probes.",
    ),
    "sfu_probes": (
        "counter",
        ("result",),
        "Probe clusters: begun; answered when enough came back, failed when not.",
    ),
    "sfu_level_changes": ("counter", (), "Steps up or down on what receivers are given."),
    "sfu_layer_switches": ("counter", (), "Changes of the simulcast layer that a receiver gets."),
    "sfu_freezes": (
        "counter",
        ("cause",),
        "Pictures to receivers of which no frame left for half a second and three times their mean "
        "distance: link, their path did not take it; keyframe, another layer's was waited for; "
        "publisher, nothing came and then went on, screens apart.",
    ),
    "sfu_frozen_seconds": ("counter", ("cause",), "For how long, by the same causes."),
    "sfu_picture_pauses": ("counter", (), "Pictures that stopped for want of bandwidth or view."),
    "sfu_pictures": (
        "gauge",
        ("layer",),
        "Pictures given to receivers, by spatial layer, 0 the lowest.",
    ),
    "sfu_upload_bps": (
        "gauge",
        ("rate",),
        "Sums over publishers, bit/s: sent in the last second, and their budget.",
    ),
    "sfu_uploads_over_budget": ("gauge", (), "Publishers who send more than their budget."),
    "sfu_uploads_held": (
        "gauge",
        (),
        "Publishers of whom not all is forwarded, for it is more than their budget.",
    ),
    "sfu_store_waiting": ("gauge", (), "Commits that the store has yet to make durable."),
    "sfu_webhooks": (
        "counter",
        ("result",),
        "Webhooks: delivered; failed attempts; given_up after a day; dropped for want of a tenant.",
    ),
    "sfu_certificate_end_seconds": (
        "gauge",
        (),
        "When the certificate of `[server] certificate` ends, in Unix time; absent without one.",
    ),
    "sfu_event_loop_lag_seconds": ("histogram", (), "How late the event loop runs its timer."),
}
"""Name (counters get `_total` at the end), type, labels, help."""


UNITS: Final = {"sfu_frozen_seconds": 1e-6}
"""Of what the plane counts in others."""


class Source(Protocol):
    """Where values come from at the moment of a scrape."""

    def people(self) -> Mapping[str, int]:
        """By role."""

    def transports(self) -> Mapping[str, int]:
        """By state."""

    def gauges(self) -> Mapping[str, float]:
        """Those without labels, by name."""

    def media(self) -> Iterable[tuple[str, tuple[str, ...], float]]:
        """(Metric, values of its labels, value) each; those that come again are added up."""

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
        ProcessCollector(registry=self.registry)

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
        sums: dict[tuple[str, tuple[str, ...]], float] = {}
        for name, labels, value in source.media():
            sums[name, labels] = sums.get((name, labels), 0) + value
        for (name, labels), value in sums.items():
            families[name].add_metric(list(labels), value)
        totals: dict[str, int] = {}
        for index, counters in enumerate(source.plane()):
            share = self._share(index, counters.get("busy_us", 0), counters.get("wall_us", 0))
            families["sfu_plane_busy_share"].add_metric([str(index)], share)
            for name, count in counters.items():
                totals[name] = totals.get(name, 0) + count
        for name, count in totals.items():
            metric, labels = place(name)
            families[metric].add_metric(list(labels), count * UNITS.get(metric, 1))
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
        case "freezes", _ if rest:
            return "sfu_freezes", (rest,)
        case "frozen", ("us", _, cause):
            return "sfu_frozen_seconds", (cause,)
        case "drop", _ if rest:
            return "sfu_drops", (rest,)
    if counter == "retransmitted":
        return "sfu_retransmissions", ()
    if counter == "switches":
        return "sfu_layer_switches", ()
    if counter == "srtp_failures":
        return "sfu_srtp_failures", ()
    return "sfu_plane_events", (counter,)


REFERENCE: Final = """\
# Metrics

Written by `python -m sfu.metrics` from the table in `sfu/metrics.py`; do not edit.

`GET /metrics` gives them in the Prometheus text format. No label names a room or a person: labels
have few values, so that a server with thousands of people costs no more to watch than an empty one.
What one room or person has is at `/v1/top` and `/v1/rooms/{room}/media`, and in `sfu top`.
Quantiles are over the receivers of this server at the moment of the scrape.

`process_cpu_seconds_total`, `process_resident_memory_bytes`, `process_open_fds`, `process_max_fds`
and `process_start_time_seconds` are of the whole process, as everywhere in Prometheus.
[operations.md](operations.md) has the dashboard and the alerts that are made of all these.

- Share of padding in what is sent: `sum(rate(sfu_subscriber_bytes_total{kind="padding"}[5m]))` of
  `sum(rate(sfu_subscriber_bytes_total[5m]))`
- Receivers that get less than they want: `sfu_subscribers{state="short"}`; how much less, at the
  worst twentieth: `sfu_subscriber_share{quantile="0.05"}`
- Part of the time for which pictures stand still: `sum(rate(sfu_frozen_seconds_total[5m]))` of
  `sum(sfu_pictures)`. This side sees when frames leave, not what is lost behind it; what clients
  say of that counts in the [quality score](quality.md)
- Estimate against what is made of it: `sfu_subscriber_bps{rate="estimate"}` and `{rate="given"}`

| metric | type | labels | meaning |
| --- | --- | --- | --- |
"""


def render() -> str:
    """docs/metrics.md, which a test holds equal."""
    lines = []
    for name, (kind, labels, help) in TABLE.items():
        shown = f"{name}_total" if kind == "counter" else name
        lines.append(
            f"| `{shown}` | {kind} | {', '.join(f'`{each}`' for each in labels)} | {help} |"
        )
    return REFERENCE + "\n".join(lines) + "\n"


def _family(name: str) -> CounterMetricFamily | GaugeMetricFamily:
    kind, labels, help = TABLE[name]
    family = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
    return family(name, help, labels=list(labels))


if __name__ == "__main__":
    print(render(), end="")
