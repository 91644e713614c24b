"""What each measurement has to say, as rows of text: the first row names the columns."""

import statistics
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

Rows = list[list[str]]
Result = Mapping[str, Any]


def tables(name: str, result: Result) -> list[Rows]:
    """Of a measurement as JSON has it."""
    return _TABLES[name](result)


def remarks(name: str, result: Result) -> list[str]:
    """Sentences beside the tables."""
    return list(_REMARKS[name](result)) if name in _REMARKS else []


def _forward(result: Result) -> list[Rows]:
    head = ["N", "packets/s", "µs/packet", "floor", "ratio", "lost"]
    head += ["video p50 / p99 ms", "audio p50 / p99 ms", "KiB each"]
    floor, ratio = result["floor_us"], result["ratio"]
    row = [
        str(result["attendees"]),
        f"{result['packets_per_second']:,.0f}",
        f"{result['us_per_packet']:.2f}",
        "-" if floor is None else f"{floor:.2f}",
        "-" if ratio is None else f"{ratio:.2f}",
        str(result["lost"]),
        _latency(result["video"]),
        _latency(result["audio"]),
        f"{result['bytes_per_subscriber'] / 1024:.0f}",
    ]
    rows = [row]
    if steady := result.get("steady"):
        figures = (steady["us_per_packet"], result["steady_floor_us"], result["steady_ratio"])
        rows.append([
            f"{result['attendees']}, steady", "",
            *("-" if figure is None else f"{figure:.2f}" for figure in figures), "",
            _latency(steady["video"]), _latency(steady["audio"]), "",
        ])  # fmt: skip
    threads = [
        [each["name"], f"{each['busy']:.1%}", f"{each['us_per_packet']:.2f}"]
        for each in result["threads"]
    ]
    return [[head, *rows], [["server's thread", "busy", "µs/packet"], *threads]]


def _forward_remarks(result: Result) -> Iterator[str]:
    if (workers := result.get("workers", 1)) > 1:
        busiest = max(each["busy"] for each in result["threads"] if "plane" in each["name"])
        yield f"{workers} workers on one core; the busiest takes {busiest:.1%} of it"
    seconds = result["us_by_second"]
    yield (
        f"second by second {min(seconds):.2f} to {max(seconds):.2f} µs/packet, median "
        f"{result['us_median']:.2f}; the host took {result['stolen']:.1%} of a core"
    )
    yield from _slowness(result)
    if floors := result["floors"]:
        runs = " and ".join(f"{each['us_per_packet']:.2f}" for each in floors)
        lost = sum(each["lost"] for each in floors)
        yield f"floor before and after {runs} µs/packet, {lost} lost"
    yield (
        f"{result['attendees']} joined in {result['seconds_to_join']:.1f} s; "
        f"{result['verified']} packets opened and compared, {result['damaged']} damaged, "
        f"{result['late']} late, {result['duplicates']} twice, "
        f"{result['recovered']} retransmitted; {result['keyframes']} keyframes, "
        f"{result['keyframe_requests']} asked for; load's thread {result['load_busy']:.0%} busy; "
        f"{result['dropped']} dropped by the kernel"
    )


def _latencies(result: Result) -> list[Rows]:
    names = list(result["video"])
    rows = [
        [f"{kind.removeprefix('steady_')}, N = {result['attendees']}{', steady' * kind.count('_')}"]
        + [f"{result[kind][name]:.2f}" for name in names]
        for kind in ("video", "audio", "steady_video", "steady_audio")
        if result.get(kind)
    ]
    return [[["ms", *(name.replace("p999", "p99.9") for name in names)], *rows]]


def _latencies_remarks(result: Result) -> Iterator[str]:
    yield f"{result['lost']} packets lost; load's thread {result['load_busy']:.0%} busy"
    yield from _slowness(result)


def _slowness(result: Result) -> Iterator[str]:
    steady = result.get("steady")
    share = steady["share"] if isinstance(steady, Mapping) else steady
    if share is not None:
        yield (
            f"the machine ran at less than half its speed for {result['slow']:.1%} of the time; "
            f"steady is what is left without that, {share:.0%} of the packets"
        )


def _memory(result: Result) -> list[Rows]:
    head = ["N", "KiB each", "KiB each while joining", "MiB empty", "MiB full", "MiB after"]
    values = [f"{result[name] / 1024:.0f}" for name in ("empty", "settled", "left")]
    each = [f"{result[name]:.0f}" for name in ("each", "each_joining")]
    return [[head, [str(result["attendees"]), *each, *values]]]


def _idle(result: Result) -> list[Rows]:
    head, row = ["N", "of a core"], [str(result["attendees"]), f"{result['busy']:.2%}"]
    threads = [[name, f"{share:.2%}"] for name, share in result["threads"].items()]
    return [[head, row], [["server's thread", "busy"], *threads]]


def _join(result: Result) -> list[Rows]:
    head = ["N", "in", "seconds", "p50 s", "p95 s", "longest s", "keyframes", "asked for", "lost"]
    row = [
        str(result["attendees"]),
        str(result["joined"]),
        f"{result['seconds']:.1f}",
        *(f"{result[name]:.2f}" for name in ("p50", "p95", "most")),
        *(str(result[name]) for name in ("keyframes", "keyframe_requests", "lost")),
    ]
    stages = [[f"{value * 1000:.0f}" for value in result["stages"].values()]]
    return [[head, row], [[f"{name}, ms" for name in result["stages"]], *stages]]


def _join_remarks(result: Result) -> Iterator[str]:
    busy = ", ".join(f"{name} {share:.0%}" for name, share in result["busy"].items())
    yield f"server's threads busy: {busy}; load's thread {result['load_busy']:.0%}"
    yield from result["errors"]


def _churn(result: Result) -> list[Rows]:
    head = ["", "seconds", "MiB", "descriptors", "coming and going", "lost by who stays"]
    samples = result["samples"]
    chosen = [("before", result["before"])]
    chosen += [("churning", samples[at * (len(samples) - 1) // 4]) for at in range(5)]
    chosen += [("after", result["after"])]
    rows = [
        [
            name,
            f"{each['at']:.0f}",
            f"{each['memory'] / 2**20:.1f}",
            str(each["descriptors"]),
            str(each["present"]),
            str(each["lost"]),
        ]
        for name, each in chosen
    ]
    return [[head, *rows]]


def _churn_remarks(result: Result) -> Iterator[str]:
    plan = result["plan"]
    yield (
        f"{result['joins']} joins and {result['leaves']} leaves at {plan['rate']:g} a second, "
        f"{plan['stayers']} stay; memory {result['growth']:+.1%} from the second quarter to the "
        f"last; {result['failed']} failed"
    )
    yield from result["errors"]


def _chaos(result: Result) -> list[Rows]:
    head = ["", "seconds", "MiB", "descriptors", "people", "longest without, s", "without"]
    samples, rows = result["samples"], []
    for name, part in [("before", [result["before"]])] + [
        ("chaos", samples[at * len(samples) // 6 : (at + 1) * len(samples) // 6])
        for at in range(6)
    ] + [("after", [result["after"]])]:  # fmt: skip
        if part:
            last = part[-1]
            longest = max(each["gap"] for each in part)
            rows.append([
                name, f"{last['at']:.0f}", f"{last['memory'] / 2**20:.1f}",
                str(last["descriptors"]), str(last["present"]), f"{longest:.1f}",
                str(max(each["without"] for each in part)),
            ])  # fmt: skip
    return [[head, *rows]]


def _chaos_remarks(result: Result) -> Iterator[str]:
    counts = ", ".join(f"{count} x {kind}" for kind, count in sorted(result["counts"].items()))
    yield (
        f"{result['visits']} visits, {result['stays']} stays, {result['returns']} sockets lost and "
        f"come back from, {result['restarts']} workers restarted; {counts}"
    )
    yield (
        f"memory {result['growth']:+.1%} from the second quarter to the last; nobody was without "
        f"picture or sound for more than {result['longest']:.1f} s, {result['stuck']} were stuck; "
        f"{result['failed']} faults"
    )
    yield from result["faults"]


def _panic(result: Result) -> list[Rows]:
    head = ["", "times", "told s", "agreed s", "connected s", "p50 s", "p95 s", "longest s"]
    names = ("told", "agreed", "connected", "p50", "p95", "most")
    rows = [
        [
            each["name"],
            str(each["count"]),
            *(f"{each[name]:.2f}" if each[name] else "-" for name in names),
        ]
        for each in result["groups"]
    ]
    return [[head, *rows]]


def _panic_remarks(result: Result) -> Iterator[str]:
    plan = result["plan"]
    yield (
        f"{plan['people']} people on {plan['workers']} workers, {plan['rounds']} panics; seconds "
        "from the panic, medians but for the last three columns, which end with the first packet "
        "of a picture"
    )
    yield from result["faults"]


def _flood(result: Result) -> list[Rows]:
    head = ["kind", "a second", "worker", "control", "µs each", "lost", "again", "dropped"]
    head += ["longest gap, ms", "longest delay, ms", "MiB more"]
    rows = [
        [
            wave["kind"],
            f"{wave['sent'] / wave['seconds']:,.0f}",
            f"{wave['worker']:.1%}",
            f"{wave['control']:.1%}",
            f"{wave['us_each']:.1f}" if wave["sent"] else "-",
            *(str(wave[name]) for name in ("lost", "again", "full")),
            *(f"{wave[name] * 1000:.0f}" for name in ("gap", "delay")),
            f"{wave['growth'] / 2**20:.1f}",
        ]
        for wave in result["waves"]
    ]
    return [[head, *rows]]


def _flood_remarks(result: Result) -> Iterator[str]:
    plan = result["plan"]
    yield (
        f"{plan['attendees']} attendees; {plan['rate']:,} datagrams a second were wanted; "
        f"{sum(wave['unread'] for wave in result['waves'])} dropped at attendees' sockets"
    )


def _capacity(result: Result) -> list[Rows]:
    head = ["N", "", "packets/s", "µs/packet", "busy", "lost", "video p50 / p99 ms"]
    rows = []
    for each in sorted(result["tries"], key=lambda each: int(each["attendees"])):
        found = each["result"]
        row = [str(each["attendees"]), each["broken"] or "served"]
        if found is not None:
            busy = sum(thread["busy"] for thread in found["threads"])
            row += [
                f"{found['packets_per_second']:,.0f}",
                f"{_cost(found):.2f}",
                f"{busy:.0%}",
                str(found["lost"]),
                _judged(found, "video"),
            ]
        rows.append(row + ["-"] * (len(head) - len(row)))
    return [[head, *rows]]


def _capacity_remarks(result: Result) -> Iterator[str]:
    yield f"{result['attendees']} attendees are served"


def _compare(result: Result) -> list[Rows]:
    head = ["load", "server", "µs/packet (from, to, runs)", "times ours", "lost"]
    head += ["video p50 / p99 ms", "audio p50 / p99 ms", "KiB each"]
    rows = []
    for shape, server in dict.fromkeys(
        (_shape(run["shape"]), run["server"]) for run in result["runs"]
    ):
        runs = [
            run["result"]
            for run in result["runs"]
            if (_shape(run["shape"]), run["server"]) == (shape, server) and run["result"]
        ]
        ratio = next(
            (
                f"{each['median']:.2f} ({each['least']:.2f} to {each['most']:.2f})"
                for each in result["ratios"]
                if (_shape(each["shape"]), each["server"]) == (shape, server)
            ),
            "1" if server == "sfu" else "-",
        )
        rows.append([shape, f"{server} {result['versions'][server]}", *_row(runs, ratio)])
    return [[head, *sorted(rows, key=lambda row: row[0])]]


def _row(runs: list[Result], ratio: str) -> list[str]:
    if not runs:
        return ["failed", *["-"] * 5]
    middle = sorted(runs, key=_cost)[len(runs) // 2]
    video, audio = (_judged(middle, kind) for kind in ("video", "audio"))
    costs = [_cost(run) for run in runs]
    return [
        f"{statistics.median(costs):.1f} ({min(costs):.1f} to {max(costs):.1f}, {len(costs)})",
        ratio,
        str(max(run["lost"] for run in runs)),
        video,
        audio,
        f"{middle['bytes_per_subscriber'] / 1024:.0f}",
    ]


def _compare_remarks(result: Result) -> Iterator[str]:
    yield from result["missing"]
    for run in result["runs"]:
        if run["error"]:
            yield f"{run['server']}, round {run['round'] + 1}: {run['error'].splitlines()[0]}"
        elif not run["result"]["delivered"] > 0.98:
            yield (
                f"{run['server']}, round {run['round'] + 1}, {_shape(run['shape'])}: "
                f"{run['result']['delivered']:.0%} delivered"
            )
    profiles = {run["server"]: run["result"]["profile"] for run in result["runs"] if run["result"]}
    yield "SRTP: " + ", ".join(f"{name} {profile}" for name, profile in profiles.items())


def _shape(shape: Result) -> str:
    cameras, microphones = shape["cameras"], shape["microphones"]
    speaking = cameras if microphones is None else min(cameras, microphones)
    plural = "s" if cameras > 1 else ""
    return f"{shape['attendees']}, {cameras} camera{plural}, {speaking} speaking"


def _cost(result: Result) -> float:
    return float(result.get("cost_us", result["us_per_packet"]))


def _judged(result: Result, kind: str) -> str:
    """What was seen while the machine was not slow, if that is known."""
    return _latency((result.get("steady") or result)[kind])


def _latency(latency: Mapping[str, float]) -> str:
    return f"{latency['p50']:.1f} / {latency['p99']:.1f}"


_TABLES: Final[dict[str, Callable[[Result], list[Rows]]]] = {
    "forward": _forward,
    "latency": _latencies,
    "memory": _memory,
    "idle": _idle,
    "join": _join,
    "churn": _churn,
    "chaos": _chaos,
    "panic": _panic,
    "flood": _flood,
    "capacity": _capacity,
    "compare": _compare,
}
_REMARKS: Final[dict[str, Callable[[Result], Iterator[str]]]] = {
    "forward": _forward_remarks,
    "latency": _latencies_remarks,
    "join": _join_remarks,
    "churn": _churn_remarks,
    "chaos": _chaos_remarks,
    "panic": _panic_remarks,
    "flood": _flood_remarks,
    "capacity": _capacity_remarks,
    "compare": _compare_remarks,
}
