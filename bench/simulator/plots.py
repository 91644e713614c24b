"""Pictures of simulations: rates, queue and layers over time, one PNG per scenario."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from sfu.bench.simulator.link import Courses
from sfu.bench.simulator.measures import BIN, trailing
from sfu.bench.simulator.outcome import Outcome
from sfu.bench.simulator.packets import Floats


class MissingMatplotlib(RuntimeError):
    """Plots cannot be drawn without it."""

    def __init__(self) -> None:
        super().__init__("plots need matplotlib: pip install 'open-sfu[bench]', or --no-plots")


def pyplot() -> ModuleType:
    """matplotlib without a display; imported only when something is drawn."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot as module
    except ImportError:
        raise MissingMatplotlib from None
    return module


def draw(outcome: Outcome, name: str, path: Path, seed: int = 0) -> None:
    """One scenario's subscribers of one seed, three axes over time."""
    plt = pyplot()
    rows = outcome.rows(name)[seed]
    scenario, measures = outcome.scenario(name), outcome.measures(name)
    bins = round(scenario.seconds / BIN)
    time: Floats = np.arange(1.0, bins + 1) * BIN
    figure, (rates, queue, layers) = plt.subplots(
        3, 1, figsize=(9, 6.5), sharex=True, height_ratios=(3, 1, 1), layout="constrained"
    )
    rates.plot(time, _capacity(outcome, name, time), color="black", linewidth=1, label="capacity")
    shown = rows[:_MOST]
    for number, row in enumerate(shown):
        color = f"C{number}"
        sent = trailing(measures.sent[:bins, row], 0.2) / 1e6
        label = f"sent {number}" if len(shown) > 1 else "sent"
        rates.plot(time, sent, color=color, linewidth=0.8, label=label)
        if len(shown) == 1:
            _details(rates, outcome, name, row, time)
        queue.plot(time, measures.queue[:bins, row] * 1e3, color=color, linewidth=0.8)
        over = measures.state[:bins, row] == 1
        layers.plot(time, measures.layers[:bins, row], color=color, linewidth=0.8)
        layers.plot(time[over], np.full(over.sum(), -0.3 - 0.2 * number), "|", color=color)
    events = outcome.simulation(name).playback.events
    for when, row, _, length in events:
        if row in shown:
            layers.axvspan(when - length, when, color="red", alpha=0.2)
    rates.set(ylabel="Mbit/s", title=name)
    rates.set_ylim(0, None)
    rates.legend(loc="upper right", fontsize=7, ncols=4)
    queue.set(ylabel="queue, ms")
    layers.set(ylabel="layers, overuse", xlabel="seconds", xlim=(0, scenario.seconds))
    figure.savefig(path, dpi=90)
    plt.close(figure)


def _details(axes: Any, outcome: Outcome, name: str, row: int, time: Floats) -> None:
    """What only makes sense where there is one subscriber."""
    measures = outcome.measures(name)
    bins = len(time)
    target = np.minimum(measures.target[:bins, row] / 1e6, 2 * axes.get_ylim()[1])
    axes.plot(time, target, color="C1", linewidth=0.8, label="target")
    delivered = trailing(measures.delivered[:bins, row], 0.2) / 1e6
    axes.plot(time, delivered, color="C2", linewidth=0.6, label="delivered")
    padding = trailing(measures.padding[:bins, row], 0.2) / 1e6
    axes.fill_between(time, padding, color="C4", alpha=0.6, linewidth=0, label="padding")
    if measures.cost[:bins, row].any():
        cost = measures.cost[:bins, row] / 1e6
        axes.plot(time, cost, color="C3", linewidth=0.8, linestyle=":", label="allocated")


def _capacity(outcome: Outcome, name: str, time: Floats) -> Floats:
    courses = Courses([outcome.subscriber(name).down.capacity])
    return np.array([courses.now(float(at) - BIN)[0] for at in time]) / 1e6


_MOST = 6
"""Subscribers drawn of one scenario."""
