"""Pictures of measurements, as PNG."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sfu.bench.errors import BenchError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Result = Mapping[str, Any]


def draw(name: str, result: Result, path: Path) -> None:
    """Writes the picture. Raises BenchError when matplotlib is missing."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise BenchError("matplotlib is missing: pip install 'open-sfu[bench]'") from None
    paint = _PAINTERS[name]
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    paint(figure.subplots(), result)
    figure.savefig(path, dpi=80)


def _latency(axes: "Axes", result: Result) -> None:
    at = [each["at"] for each in result["course"]]
    for kind in ("video", "audio"):
        for name in ("p50", "p99"):
            axes.plot(
                at, [each[f"{kind}_{name}"] for each in result["course"]], label=f"{kind} {name}"
            )
    axes.set_title(f"{result['attendees']} attendees: from the beginning to here")
    _finish(axes, "seconds", "ms")


def _join(axes: "Axes", result: Result) -> None:
    axes.plot(*zip(*result["times"], strict=True), ".", ms=3, label="one join")
    for name in ("p50", "p95"):
        axes.axhline(result[name], color="k", lw=0.7, ls="--", label=f"{name} {result[name]:.2f} s")
    axes.set_title(f"{result['attendees']} joins: socket, DTLS, first packet of a picture")
    _finish(axes, "arrived, seconds", "took, seconds")


def _churn(axes: "Axes", result: Result) -> None:
    samples = [result["before"], *result["samples"], result["after"]]
    at = [each["at"] for each in samples]
    axes.plot(at, [each["memory"] / 2**20 for each in samples], label="resident MiB")
    axes.plot(at, [each["descriptors"] for each in samples], label="descriptors")
    axes.plot(at, [each["present"] for each in samples], label="coming and going")
    axes.set_title(f"{result['joins']} joins and {result['leaves']} leaves")
    _finish(axes, "seconds", "")


def _chaos(axes: "Axes", result: Result) -> None:
    samples = result["samples"]
    at = [each["at"] for each in samples]
    axes.plot(at, [each["memory"] / 2**20 for each in samples], label="resident MiB")
    axes.plot(at, [each["descriptors"] for each in samples], label="descriptors")
    axes.plot(at, [each["present"] for each in samples], label="people")
    gaps = axes.twinx()
    gaps.plot(at, [each["gap"] for each in samples], color="C3", lw=0.7)
    gaps.set_ylabel("without picture or sound, at most, seconds", color="C3")
    gaps.set_ylim(bottom=0)
    for kind, mark in {"panic": "v", "flood": "x", "loss": "."}.items():
        when = [each["at"] for each in result["events"] if each["what"] == kind]
        axes.plot(when, [0] * len(when), mark, color="k", clip_on=False, label=kind)
    axes.set_title(
        f"{result['stays']} stays, {result['returns']} sockets lost, {result['restarts']} workers "
        f"restarted, {result['failed']} faults"
    )
    _finish(axes, "seconds", "")


def _compare(axes: "Axes", result: Result) -> None:
    shapes = list(dict.fromkeys(_shape(run["shape"]) for run in result["runs"]))
    servers = list(result["versions"])
    width = 0.8 / len(servers)
    for column, server in enumerate(servers):
        for row, shape in enumerate(shapes):
            costs = [
                run["result"]["us_per_packet"]
                for run in result["runs"]
                if run["server"] == server and run["result"] and _shape(run["shape"]) == shape
            ]
            if costs:
                middle = sorted(costs)[len(costs) // 2]
                axes.bar(
                    row + column * width,
                    middle,
                    width,
                    color=f"C{column}",
                    yerr=[[middle - min(costs)], [max(costs) - middle]],
                    label=server if row == 0 else None,
                )
    axes.set_xticks([row + 0.4 - width / 2 for row in range(len(shapes))], shapes)
    axes.set_title("CPU of the server per forwarded packet, median and range of the rounds")
    _finish(axes, "", "µs")


def _shape(shape: Result) -> str:
    return f"{shape['attendees']} x {shape['cameras']}"


def _finish(axes: "Axes", x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")


_PAINTERS: Final[dict[str, Callable[["Axes", Result], None]]] = {
    "latency": _latency,
    "join": _join,
    "churn": _churn,
    "chaos": _chaos,
    "compare": _compare,
}
