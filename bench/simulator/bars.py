"""The bars B1 to B14: which scenarios show each, what is measured, and what it should be."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final

import numpy as np

from sfu.bench.simulator.link import Courses
from sfu.bench.simulator.measures import (
    BIN,
    first_time,
    jain,
    mean_rate,
    trailing,
)
from sfu.bench.simulator.outcome import Finding, Outcome, pooled, ratio
from sfu.bench.simulator.pacer import AUDIO_RATE, AUDIO_SIZE
from sfu.bench.simulator.packets import HEADERS, OVERHEAD, PAYLOAD, Floats
from sfu.bench.simulator.scenario import capacity_at, stairs
from sfu.bench.simulator.scenarios import PROFILES

Findings = Iterator[Finding]


def startup(outcome: Outcome) -> Findings:
    for name, limit in (("startup 2.5M", 2.0), ("startup 1.5M", 1.0)):
        if name in outcome:
            yield Finding("B1", f"{name} on 3M: to 90 %", _reached(outcome, name, 0.0), limit)


def rise(outcome: Outcome) -> Findings:
    for name in ("rise", "rise, layers"):
        if not _happens(outcome, name):
            continue
        at = outcome.scenario(name).disturbed[0]
        if name == "rise":
            delivered = trailing(outcome.column(name, "delivered"), 0.3)
            took = first_time(delivered >= 0.9 * capacity_at(outcome.subscriber(name), at), at)
        else:
            took = _reached(outcome, name, at)
        yield Finding("B2", f"{name} 1 to 2.5M: to 90 %", took, 5.0, median_limit=3.0)


def back(outcome: Outcome) -> Findings:
    """After 15 s with less the link is as it was: how long until as much arrives as before?"""
    for name in ("back", "back, elastic"):
        if not _happens(outcome, name):
            continue
        fell, rose = outcome.scenario(name).disturbed
        delivered = outcome.column(name, "delivered")
        before = mean_rate(delivered, fell - 5.0, fell)
        took = first_time(trailing(delivered, 0.5) >= 0.9 * before, rose)
        yield Finding("B2", f"{name} from 0.6 to 2.5M: to 90 %", took, 5.0)


def drop(outcome: Outcome) -> Findings:
    for name in ("drop", "drop, elastic"):
        if not _happens(outcome, name):
            continue
        at = outcome.scenario(name).disturbed[0]
        capacity = capacity_at(outcome.subscriber(name), at)
        sent = trailing(outcome.column(name, "sent"), 0.2)
        # The window looks ahead: when does what is sent begin to be less than the capacity?
        ahead = np.concatenate([sent[3:], np.full((3, sent.shape[1]), np.inf)])
        yield Finding("B3", f"{name}: sends less", first_time(ahead <= capacity, at), 0.35)
        queue = outcome.column(name, "queue")
        # The queue is gone when it stays below for half a second; that begins so much earlier.
        stays = trailing((queue > 0.05).astype(np.float64), 0.5) == 0
        drained = first_time(stays, at + 0.5)
        yield Finding("B3", f"{name}: queue below 50 ms", drained, 1.2)
        longest = dict.fromkeys(outcome.flat(name).tolist(), 0.0)
        for when, row, _, length in outcome.freezes(name, at):
            if when < at + 10.0:
                longest[row] = max(longest[row], length)
        frozen = np.array(list(longest.values()))
        yield Finding("B3", f"{name}: longest freeze", frozen, 0.5)
        yield Finding("B3", f"{name}: sound lost", _sound_lost(outcome, name), 0, unit="packets")


def steady(outcome: Outcome) -> Findings:
    if "steady" in outcome:
        yield Finding("B4", "backlogged: U", _use(outcome, "steady", 5.0), 0.92, True, "")
    if "steady, layers" in outcome:
        name = "steady, layers"
        efficiency = _efficiency(outcome, name)
        yield Finding("B4", "layers: allocation efficiency", efficiency, 0.97, True, "")
    for name in ("steady", "steady, layers"):
        if name in outcome:
            rows = outcome.flat(name)
            measures = outcome.measures(name)
            for quantile, limit in ((0.95, 0.03), (0.99, 0.06)):
                waits = measures.wait(quantile)[rows]
                yield Finding("B4", f"{name}: wait p{quantile * 100:.0f}", waits, limit)
            yield Finding("B4", f"{name}: loss", measures.loss()[rows], 0.001, unit="")


def losses(outcome: Outcome) -> Findings:
    for part, least in ((0.02, 0.95), (0.05, 0.90), (0.10, 0.80)):
        for suffix in ("", ", backlogged"):
            name = f"loss {part:.0%}{suffix}"
            if name in outcome:
                yield Finding("B5", f"{name}: U", _use(outcome, name, 10.0), least, True, "")


def jitter(outcome: Outcome) -> Findings:
    for name in ("jitter", "jitter, backlogged"):
        if name in outcome:
            yield Finding("B6", f"{name} 30 ms: U", _use(outcome, name, 10.0), 0.9, True, "")
    if "jitter" in outcome:
        rows = outcome.flat("jitter")
        minutes = outcome.scenario("jitter").seconds / 60
        false = outcome.simulation("jitter").control.overuses[rows] / minutes
        yield Finding("B6", "false overuse, a minute", false, 1.0, unit="")


def fairness(outcome: Outcome) -> Findings:
    for name, least in (("5.4 fairness", 0.95), ("5.5 round trips", 0.90)):
        if name in outcome:
            rows = outcome.rows(name)
            end = outcome.scenario(name).seconds
            rates = mean_rate(outcome.measures(name).delivered, end - 60.0, end)[rows]
            groups = np.repeat(np.arange(len(rows)), rows.shape[1])
            fair = jain(rates.reshape(-1), groups)
            yield Finding("B7", f"{name}: Jain", fair, least, True, "")


def tcp(outcome: Outcome) -> Findings:
    for name in ("5.6 TCP", "5.6 TCP, long queue"):
        if name in outcome:
            share = _use(outcome, name, 40.0)
            yield Finding("B8", f"{name}: share", share, 0.30, True, "")
            yield Finding("B8", f"{name}: share", share, 0.60, unit="")


def pause(outcome: Outcome) -> Findings:
    if _happens(outcome, "pause"):
        back = outcome.scenario("pause").disturbed[1]
        yield Finding("B9", "after 20 s away: to 90 %", _reached(outcome, "pause", back), 2.0)


def flapping(outcome: Outcome) -> Findings:
    names = outcome.names("constant ")
    if not names:
        return
    switches, pairs = [], []
    for name in names:
        minutes = (outcome.scenario(name).seconds - _SETTLED) / 60
        changes = _level_changes(outcome, name)
        spatial = [[each for each in row if each[2]] for row in changes]
        switches.append(np.array([len(row) / minutes for row in spatial]))
        pairs.append(np.array([_pairs(row) / minutes * 10 for row in changes]))
    yield Finding("B10", "layer switches a minute", pooled(switches), 1.0, unit="")
    yield Finding("B10", "up and down within 10 s, in 10 min", pooled(pairs), 1.0, unit="")


def keyframes(outcome: Outcome) -> Findings:
    for name, note in (("crowd", ""), ("room", ", a room of 1,000")):
        if name not in outcome:
            continue
        scenario = outcome.scenario(name)
        sources = outcome.simulation(name).sources
        mine = np.unique(outcome.simulation(name).slots.source[outcome.flat(name)])
        mine = mine[mine >= 0]
        used = sources.keyframes[mine] > 0
        rate = sources.keyframes[mine][used] / scenario.seconds
        yield Finding("B11", f"keyframes a second and layer{note}", rate, 0.5, unit="")
        bits = ratio(sources.keyframe_bytes[mine], sources.bytes[mine])[used]
        yield Finding("B11", f"share of the layer's bits{note}", bits, 0.10, unit="")


def restlessness(outcome: Outcome) -> Findings:
    """Whether a room's audience is left alone once everybody has been in for a while."""
    if "room" not in outcome:
        return
    minutes = (outcome.scenario("room").seconds - _SETTLED) / 60
    changes = _level_changes(outcome, "room")
    values = np.array([sum(each[2] for each in row) / minutes for row in changes])
    yield Finding("B10", "layer switches a minute, a room of 1,000", values, 1.0, unit="")


def probe_cost(outcome: Outcome) -> Findings:
    names = [*outcome.names("constant "), *outcome.names("steady, layers")]
    if not names:
        return
    shares, added, caused = [], [], []
    for name in names:
        padding = outcome.column(name, "padding").sum(axis=0)
        shares.append(padding / np.maximum(outcome.column(name, "sent").sum(axis=0), 1.0))
        waits = _probe_waits(outcome, name)
        added.append(np.array([most - first for (first, most, _) in waits.values()]))
        probes: dict[int, list[float]] = {}
        for (row, _), (_, _, when) in waits.items():
            probes.setdefault(row, []).append(when)
        count = dict.fromkeys(outcome.flat(name).tolist(), 0)
        for when, row, _, length in outcome.freezes(name, _SETTLED):
            began = when - length
            count[row] += any(began - 0.5 <= at <= when for at in probes.get(row, ()))
        caused.append(np.array(list(count.values()), dtype=np.float64))
    yield Finding("B12", "padding, share of bytes", pooled(shares), 0.03, unit="")
    yield Finding("B12", "delay added by a cluster", pooled(added), 0.02)
    yield Finding("B12", "freezes at probes, a row", pooled(caused), 0, unit="")


def budgets(outcome: Outcome) -> Findings:
    names = [f"{profile[0]} x 1.15" for profile in PROFILES]
    names = [name for name in names if name in outcome]
    if not names:
        return
    reached, kept, peaks = [], [], []
    for name in names:
        delivered, offered = (outcome.column(name, each) for each in ("pictures", "offered"))
        if offered.any():
            reached.append(_reached(outcome, name, 0.0, 0.95))
            begin = round(3.0 / BIN)
            part = ratio(delivered[begin:].sum(axis=0), offered[begin:].sum(axis=0))
            kept.append(part)
        rate = trailing(outcome.column(name, "sent"), 1.0)[round(1.0 / BIN) :]
        peaks.append(np.quantile(rate, 0.95, axis=0) / outcome.subscriber(name).ceiling)
    yield Finding("B13", "all of the profile's media: after", pooled(reached), 3.0)
    yield Finding("B13", "part of it from then on", pooled(kept), 0.95, True, "")
    yield Finding("B13", "p95 second against the budget", pooled(peaks), 1.05, unit="")


def tight(outcome: Outcome) -> Findings:
    names = [
        name
        for name in outcome.names()
        if " x 0." in name and name.split(" x ")[0] in {profile[0] for profile in PROFILES}
    ]
    if not names:
        return
    sound, wrong, hidden = [], [], []
    for name in names:
        sound.append(_sound_lost(outcome, name))
        begin = round(5.0 / BIN)
        paused = outcome.column(name, "paused")[begin:] > 0
        upgraded = outcome.column(name, "upgraded")[begin:] > 0
        wrong.append((paused & upgraded).mean(axis=0))
        subscriber = outcome.subscriber(name)
        staircase = stairs(subscriber, outcome.scenario(name).sources, 0.0)
        bases = staircase.cumulative[staircase.bases]
        if 1.1 * bases <= capacity_at(subscriber, 0.0):
            hidden.append(paused.mean(axis=0))
    yield Finding("B14", "sound lost", pooled(sound), 0, unit="packets")
    yield Finding("B14", "time with a pause beside an upgrade", pooled(wrong), 0, unit="")
    yield Finding("B14", "time without a base that fits", pooled(hidden), 0.0, unit="")


def _happens(outcome: Outcome, name: str) -> bool:
    """Whether the scenario has run for long enough beyond its last event."""
    if name not in outcome:
        return False
    scenario = outcome.scenario(name)
    return scenario.seconds >= scenario.disturbed[-1] + _AFTERWARDS


def _reached(outcome: Outcome, name: str, begin: float, part: float = 0.9) -> Floats:
    """Seconds from `begin` until that part of what is looked at arrives, at its best."""
    window = 0.3 if part < 0.95 else 1.0
    delivered = trailing(outcome.column(name, "pictures"), window)
    offered = trailing(outcome.column(name, "offered"), window)
    enough = (delivered >= part * offered) & (offered > 0)
    # A keyframe of a lower layer may fill a window; the right layers have to be there as well.
    layers = outcome.column(name, "layers") >= outcome.column(name, "best_layers")
    return first_time(enough & layers, begin)


def _use(outcome: Outcome, name: str, begin: float) -> Floats:
    """Delivered against min(capacity, demand)."""
    subscriber = outcome.subscriber(name)
    end = outcome.scenario(name).seconds
    capacity = Courses([subscriber.down.capacity])
    mean = np.mean([float(capacity.now(at)[0]) for at in np.arange(begin, end, 1.0)])
    sound = subscriber.audio * AUDIO_RATE * _SOUND_HEADERS
    demand = subscriber.elastic * _HEADERS + sound
    delivered = outcome.column(name, "delivered")[round(begin / BIN) :].sum(axis=0)
    use: Floats = delivered * 8.0 / (end - begin) / min(mean, demand)
    return use


def _efficiency(outcome: Outcome, name: str) -> Floats:
    """Cost of what is given against the best that the capacity would allow, over time."""
    scenario, subscriber = outcome.scenario(name), outcome.subscriber(name)
    staircase = stairs(subscriber, scenario.sources, 0.0)
    capacity = capacity_at(subscriber, 0.0)
    best = staircase.cumulative[staircase.cumulative * _HEADERS <= capacity].max()
    cost = outcome.column(name, "cost")[round(_SETTLED / BIN) :]
    efficiency: Floats = np.minimum(cost / best, 1.0).mean(axis=0)
    return efficiency


def _sound_lost(outcome: Outcome, name: str) -> Floats:
    measures, rows = outcome.measures(name), outcome.flat(name)
    lost: Floats = (measures.audio_lost - measures.audio_repaired)[rows].astype(np.float64)
    return lost


def _level_changes(outcome: Outcome, name: str) -> list[list[tuple[float, int, bool]]]:
    """Per row: when its level changed, which way, and whether a spatial layer did."""
    seconds = outcome.scenario(name).seconds
    found: dict[int, list[tuple[float, int, bool]]] = {
        row: [] for row in outcome.flat(name).tolist()
    }
    for time, row, way, spatial in outcome.measures(name).levels:
        if row in found and _SETTLED <= time <= seconds:
            found[row].append((time, way, spatial))
    return list(found.values())


def _pairs(changes: list[tuple[float, int, bool]]) -> int:
    """Steps up that were taken back within 10 s."""
    count = 0
    for (before, up, _), (after, down, _) in pairwise(changes):
        count += up > 0 > down and after - before <= 10.0
    return count


def _probe_waits(outcome: Outcome, name: str) -> dict[tuple[int, int], tuple[float, float, float]]:
    """By row and cluster: the first packet's wait, the longest, and when it was sent."""
    rows = set(outcome.flat(name).tolist())
    found: dict[tuple[int, int], tuple[float, float, float]] = {}
    for row, probe, wait, when in outcome.measures(name).probe_waits:
        if row in rows:
            first, most, at = found.get((row, probe), (wait, wait, when))
            found[row, probe] = first, max(most, wait), at
    return found


_AFTERWARDS: Final = 5.0
_SETTLED: Final = 10.0
"""Seconds after which a constant link counts as constant."""
_HEADERS: Final = 1 + OVERHEAD / (PAYLOAD + HEADERS)
_SOUND_HEADERS: Final = 1 + OVERHEAD / AUDIO_SIZE
"""IP packets against what the plane counts, of pictures and of sound."""

BARS: Final[tuple[Callable[[Outcome], Findings], ...]] = (
    startup,
    rise,
    back,
    drop,
    steady,
    losses,
    jitter,
    fairness,
    tcp,
    pause,
    flapping,
    keyframes,
    restlessness,
    probe_cost,
    budgets,
    tight,
)
