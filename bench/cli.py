"""`sfu bench`: measurements of this build on this machine."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sfu.bench import cli_load
from sfu.bench.cli_load import fail, progress

app = typer.Typer(
    name="bench",
    help="Measure this build on this machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def root() -> None:
    """Measure this build on this machine."""


cli_load.add(app)


@app.command()
def call(
    trace: Annotated[
        str,
        typer.Option(metavar="FILE|NAME", help="The link: steady, rise, drop, lossy, or JSON."),
    ] = "drop",
    cameras: Annotated[int, typer.Option(min=1, max=5, help="Publishers, each with one.")] = 3,
    screen: Annotated[bool, typer.Option(help="The first one shares a screen, too.")] = True,
    camera_rate: Annotated[
        int, typer.Option(min=50_000, help="bit/s of each camera's large layer.")
    ] = 350_000,
    settle: Annotated[
        bool, typer.Option(help="Begin the trace when all is shown, not with the join.")
    ] = True,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the timeline as JSON.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it, as PNG.")] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Instead, hold the simulator against calls on all NAMEs."),
    ] = False,
) -> None:
    """A call of Chromium browsers behind an emulated link; needs root."""
    from sfu.bench.call import check as comparison
    from sfu.bench.call import plot as picture
    from sfu.bench.call import report
    from sfu.bench.call.browser import BrowserError
    from sfu.bench.call.run import Plan, run
    from sfu.bench.call.traces import find
    from sfu.bench.emulator.namespace import NamespaceError
    from sfu.bench.process import ProcessError
    from sfu.bench.trace import TraceError

    console = Console()
    try:
        plan = Plan(find(trace), cameras, screen, camera_rate, settle)
        with progress(console) as bar:
            task = bar.add_task("", total=1.0)

            def tell(name: str, done: float) -> None:
                bar.update(task, description=name, completed=done)

            if check:
                pairs = list(comparison.check(tell))
            else:
                timeline = asyncio.run(run(plan, tell))
        if check:
            raise typer.Exit(0 if comparison.show(console, pairs) else 1)
        report.show(console, timeline)
        if json is not None:
            timeline.save(json)
        if plot is not None:
            picture.draw(timeline, plot, plan.trace.name)
    except (TraceError, NamespaceError, BrowserError, ProcessError) as error:
        raise fail(error) from None


@app.command()
def converge(
    scenarios: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SCENARIO]...", help="Beginnings of names, or groups; or all."),
    ] = None,
    seeds: Annotated[int, typer.Option("-n", "--seeds", min=1, max=200)] = 10,
    seconds: Annotated[
        float, typer.Option(min=5, max=3600, help="No scenario lasts longer.")
    ] = 600.0,
    compare: Annotated[bool, typer.Option(help="Run plain goog_cc as well.")] = True,
    cpu: Annotated[bool, typer.Option(help="Time the control plane's ticks as well.")] = True,
    output: Annotated[
        Path | None, typer.Option("-o", metavar="FOLDER", help="Draw each scenario there, as PNG.")
    ] = None,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the results as JSON.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Name the scenarios and stop.")] = False,
) -> None:
    """Bandwidth estimation and allocation on simulated links, against what is wanted of them."""
    from sfu.bench import machine
    from sfu.bench.simulator import report
    from sfu.bench.simulator.converge import Plan
    from sfu.bench.simulator.converge import converge as run
    from sfu.bench.simulator.plots import MissingMatplotlib
    from sfu.bench.simulator.run import UnknownScenario, choose

    console = Console()
    plan = Plan(scenarios or (), seeds, seconds, compare, cpu, output)
    try:
        if listed:
            for each in choose(plan.names, seconds):
                console.print(f"{each.name}: {each.seconds:.0f} s", highlight=False)
            return
        with progress(console) as bar:
            task = bar.add_task("", total=1.0)
            findings, outcome = run(
                plan, lambda name, done: bar.update(task, description=name, completed=done)
            )
    except (UnknownScenario, MissingMatplotlib, OSError) as error:
        raise fail(error) from None
    report.show(console, findings)
    if json is not None:
        facts = {"machine": machine.facts(), "seeds": seeds, "longest": seconds}
        report.save(json, report.to_json(findings, outcome, facts))
