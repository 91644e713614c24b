"""The commands of `sfu bench` that put a room under load."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

Attendees = Annotated[int, typer.Option("-n", "--attendees", min=1, max=10_000)]
Seconds = Annotated[float, typer.Option(min=1, max=3600, help="How long to measure.")]
Cameras = Annotated[int, typer.Option(min=1, max=5, help="Presenters, each with a camera.")]
Microphones = Annotated[
    int | None, typer.Option(min=0, max=5, help="How many of them speak; all, if not given.")
]
Json = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the results as JSON.")]
Plot = Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it, as PNG.")]

NUMBERS: Final = [200, 400]
"""Of attendees, that a comparison is made with; typer takes the defaults of lists as lists."""
ONE_CAMERA: Final = [1]


class Result(Protocol):
    """What every measurement gives."""

    def missed(self) -> list[str]:
        """The goals that were not reached, in words."""

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""


def progress(console: Console) -> Progress:
    """The bar that all commands show."""
    columns = TextColumn("{task.description:12}"), BarColumn(), TimeElapsedColumn()
    return Progress(*columns, console=console, transient=True)


def fail(error: Exception) -> typer.Exit:
    """Says what went wrong, without a traceback."""
    Console(stderr=True).print(str(error), style="red", highlight=False, markup=False)
    return typer.Exit(1)


def add(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (
        forward,
        latency,
        memory,
        idle,
        join,
        churn,
        chaos,
        panic,
        flood,
        capacity,
        compare,
        document,
    ):
        app.command()(command)


def forward(
    attendees: Attendees = 200,
    seconds: Seconds = 10.0,
    cameras: Cameras = 1,
    microphones: Microphones = None,
    workers: Annotated[int, typer.Option(min=1, max=32, help="That share the room.")] = 1,
    floor: Annotated[bool, typer.Option(help="Measure the floor as well.")] = True,
    json: Json = None,
) -> None:
    """CPU per forwarded packet, latency and memory, beside a bare loop that sends the same."""
    from sfu.bench import forward as bench
    from sfu.bench.shape import Shape

    shape = Shape(attendees, cameras, microphones, workers=workers)
    plan = bench.Plan(shape, seconds, floor)
    _run("forward", lambda tell: bench.measure(plan, tell), json)


def latency(
    attendees: Attendees = 400,
    seconds: Seconds = 20.0,
    cameras: Cameras = 1,
    microphones: Microphones = None,
    json: Json = None,
    plot: Plot = None,
) -> None:
    """What the server adds, from the presenter's send to the attendee's receive call."""
    from sfu.bench import latency as bench
    from sfu.bench.shape import Shape

    shape = Shape(attendees, cameras, microphones)
    _run("latency", lambda tell: bench.measure(shape, seconds, tell), json, plot)


def memory(attendees: Attendees = 1000, json: Json = None) -> None:
    """Resident memory per attendee, signaling included, and what comes back."""
    from sfu.bench import memory as bench
    from sfu.bench.shape import Shape

    _run("memory", lambda tell: bench.measure(Shape(attendees), tell), json)


def idle(attendees: Attendees = 1000, seconds: Seconds = 20.0, json: Json = None) -> None:
    """CPU of an audience while nobody sends."""
    from sfu.bench import idle as bench

    _run("idle", lambda tell: bench.measure(attendees, seconds, tell), json)


def join(
    attendees: Attendees = 1000,
    seconds: Annotated[float, typer.Option(min=0.1, help="In which all arrive.")] = 10.0,
    cameras: Cameras = 1,
    json: Json = None,
    plot: Plot = None,
) -> None:
    """A storm of full joins: socket, DTLS, first packet of a picture."""
    from sfu.bench import join as bench
    from sfu.bench.shape import Shape

    shape = Shape(attendees, cameras)
    _run("join", lambda tell: bench.measure(shape, seconds, tell), json, plot)


def churn(
    stayers: Annotated[int, typer.Option("-n", "--stayers", min=1, max=5000)] = 50,
    rate: Annotated[float, typer.Option(min=0.1, help="Joins, and leaves, per second.")] = 20.0,
    stay: Annotated[float, typer.Option(min=0.1, help="Seconds that each stays.")] = 5.0,
    seconds: Seconds = 300.0,
    json: Json = None,
    plot: Plot = None,
) -> None:
    """Joins and leaves for minutes: memory and descriptors come back, who stays loses nothing."""
    from sfu.bench import churn as bench

    plan = bench.Plan(stayers, rate, stay, seconds)
    _run("churn", lambda tell: bench.measure(plan, tell), json, plot)


def chaos(
    people: Annotated[int, typer.Option("-n", "--people", min=1, max=2000)] = 200,
    stay: Annotated[float, typer.Option(min=0.1, help="Seconds that each stays, mean.")] = 60.0,
    seconds: Seconds = 120.0,
    seed: Annotated[int, typer.Option(help="Of everything that happens by chance.")] = 1,
    json: Json = None,
    plot: Plot = None,
    log: Annotated[Path | None, typer.Option(help="Keep the server's log here.")] = None,
) -> None:
    """Joins, leaves, changes of network, loss, floods and panics of workers, all at once."""
    from sfu.bench.chaos import run as bench

    plan = bench.Plan(people, stay, seconds, seed)
    _run("chaos", lambda tell: bench.measure(plan, tell, log), json, plot)


def panic(
    people: Annotated[int, typer.Option("-n", "--people", min=2, max=2000)] = 200,
    workers: Annotated[int, typer.Option(min=1, max=2, help="That share the room.")] = 1,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="Panics, one by one.")] = 3,
    json: Json = None,
    log: Annotated[Path | None, typer.Option(help="Keep the server's log here.")] = None,
) -> None:
    """The worker of a room panics: how soon everybody has pictures again."""
    from sfu.bench.chaos import panic as bench

    plan = bench.Plan(people, workers, rounds)
    _run("panic", lambda tell: bench.measure(plan, tell, log), json)


def flood(
    kinds: Annotated[
        list[str] | None, typer.Argument(metavar="[KIND]...", help="All, one after the other.")
    ] = None,
    attendees: Attendees = 16,
    rate: Annotated[
        int,
        typer.Option(
            min=100, help="Datagrams a second; a hundredth of it sockets, a twentieth the rest."
        ),
    ] = 20_000,
    seconds: Annotated[float, typer.Option(min=0.1, max=3600, help="Of each kind.")] = 5.0,
    json: Json = None,
) -> None:
    """Strangers beside a call: datagrams, sockets, joins; who is in it loses nothing."""
    from sfu.bench import flood as bench

    plan = bench.Plan(attendees, rate, seconds, kinds or bench.NAMES)
    _run("flood", lambda tell: bench.measure(plan, tell), json)


def capacity(
    attendees: Annotated[int, typer.Option("-n", "--attendees", min=1, help="Begin here.")] = 250,
    most: Annotated[int, typer.Option(min=1, max=10_000, help="Do not go beyond.")] = 2000,
    seconds: Seconds = 10.0,
    cameras: Cameras = 1,
    json: Json = None,
) -> None:
    """More and more attendees on one core, until loss or latency breaks."""
    from sfu.bench import capacity as bench
    from sfu.bench.shape import Shape

    plan = bench.Plan(Shape(attendees, cameras), seconds, most)
    _run("capacity", lambda tell: bench.measure(plan, tell), json)


def compare(
    servers: Annotated[
        list[str] | None, typer.Argument(metavar="[SERVER]...", help="All that are installed.")
    ] = None,
    attendees: Annotated[list[int], typer.Option("-n", "--attendees", min=1)] = NUMBERS,
    cameras: Annotated[list[int], typer.Option(min=1, max=5)] = ONE_CAMERA,
    microphones: Annotated[int, typer.Option(min=0, max=5, help="At most so many speak.")] = 3,
    rounds: Annotated[int, typer.Option(min=1, max=50)] = 3,
    seconds: Seconds = 8.0,
    janus: Annotated[Path | None, typer.Option(help="Folder with the program.")] = None,
    livekit: Annotated[Path | None, typer.Option(help="Folder with livekit-server.")] = None,
    mediasoup: Annotated[Path | None, typer.Option(help="Folder with node_modules.")] = None,
    json: Json = None,
    plot: Plot = None,
) -> None:
    """The same load against this server, Janus, LiveKit and mediasoup, in turns."""
    from sfu.bench import compare as bench
    from sfu.bench import peers
    from sfu.bench.shape import Shape

    folders = {"janus": janus, "livekit": livekit, "mediasoup": mediasoup}
    shapes = [Shape(n, many, min(many, microphones)) for many in cameras for n in attendees]
    plan = bench.Plan(
        servers or peers.NAMES,
        shapes,
        rounds,
        seconds,
        {name: folder for name, folder in folders.items() if folder is not None},
    )
    _run("compare", lambda tell: bench.measure(plan, tell), json, plot)


def document(
    results: Annotated[Path, typer.Argument(metavar="FOLDER", help="With the JSON files.")],
    page: Annotated[Path, typer.Option(help="The page with the markers.")] = Path(
        "docs/performance.md"
    ),
) -> None:
    """Writes the tables of docs/performance.md anew from results; the prose stays."""
    from sfu.bench import document as bench
    from sfu.bench.errors import BenchError

    try:
        names = bench.rewrite(page, results)
    except (BenchError, OSError) as error:
        raise fail(error) from None
    Console().print(f"{page}: {', '.join(names)}", highlight=False)


def _run(
    name: str,
    measure: Callable[[Callable[[str, float], None]], Result],
    json: Path | None,
    plot: Path | None = None,
) -> None:
    from sfu.bench import machine, report
    from sfu.bench.errors import BenchError

    console = Console()
    facts = {**machine.facts(), "load before": f"{machine.load():.2f}"}
    try:
        with progress(console) as bar:
            task = bar.add_task("", total=1.0)
            result = measure(lambda what, done: bar.update(task, description=what, completed=done))
        report.show(console, name, result.to_json(), facts)
        if json is not None:
            report.save(json, name, result.to_json(), facts)
        if plot is not None:
            from sfu.bench import plots

            plots.draw(name, result.to_json(), plot)
    except (BenchError, OSError) as error:
        raise fail(error) from None
