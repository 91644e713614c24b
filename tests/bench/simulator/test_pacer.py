"""The pacer keeps to its rate, lets sound pass, sends probes in full and fills up with padding."""

import numpy as np
import pytest

from sfu.bandwidth.rows import ABORT_PROBES, RATES, START_PROBE
from sfu.bench.simulator.pacer import AUDIO_RATE, Pacer
from sfu.bench.simulator.packets import AUDIO, PADDING, REPAIR, STEP, VIDEO, Packets


def pacer(audio: int = 0) -> Pacer:
    weights = np.ones((2, 1), dtype=np.int64)
    return Pacer(np.array([audio, audio]), weights, np.random.default_rng(1))


def obey(paced: Pacer, time: float = 0.0, **rates: int) -> None:
    """Row 0 is told; row 1 stays as it is."""
    row = np.zeros(1, dtype=RATES)
    row["transport"] = 1
    for name, value in rates.items():
        row[name] = value
    paced.obey(np.array([0]), row, time)


def queue(paced: Pacer, count: int, size: int = 1000, time: float = 0.0) -> None:
    row = np.zeros(count, dtype=np.int64)
    paced.video.push(row, row + size, row, np.arange(count), time)


def run(paced: Pacer, begin: float, end: float) -> list[Packets]:
    steps = range(round(begin / STEP), round(end / STEP))
    return [paced.step(step * STEP) for step in steps]


def rate(sent: list[Packets], kind: int | None = None, row: int = 0) -> float:
    """bit/s."""
    total = sum(
        int(each.size[(each.row == row) & ((each.kind == kind) | (kind is None))].sum())
        for each in sent
    )
    return total * 8 / (len(sent) * STEP)


def test_video_leaves_at_the_pacing_rate() -> None:
    paced = pacer()
    obey(paced, pacing_bps=2_000_000)
    queue(paced, 1000)
    sent = run(paced, 0.0, 1.0)
    assert rate(sent, VIDEO) == pytest.approx(2e6, rel=0.02)
    assert max(len(each) for each in sent) <= 10
    paced.is_clear[:] = False
    assert max(len(each) for each in run(paced, 1.0, 1.5)) <= 3
    assert rate(sent, row=1) == 0.0


def test_without_a_limit_all_leaves_at_once() -> None:
    paced = pacer()
    queue(paced, 20)
    assert len(paced.step(0.0)) == 20


def test_sound_passes_however_much_waits_and_counts() -> None:
    paced = pacer(audio=2)
    obey(paced, pacing_bps=500_000)
    queue(paced, 60)
    sent = run(paced, 0.0, 0.8)
    assert rate(sent, AUDIO) == pytest.approx(2 * AUDIO_RATE, rel=0.02)
    assert rate(sent) == pytest.approx(500_000, rel=0.06)


def test_repairs_go_before_video() -> None:
    paced = pacer()
    obey(paced, pacing_bps=1_000_000)
    queue(paced, 50)
    row = np.zeros(10, dtype=np.int64)
    paced.repairs.push(row, row + 1000, row, row, 0.0)
    sent = run(paced, 0.0, 0.5)
    kinds = np.concatenate([each.kind for each in sent])
    assert (kinds[:10] == REPAIR).all()
    assert (kinds[10:] == VIDEO).all()


def test_what_is_too_old_is_drained_faster() -> None:
    paced = pacer()
    obey(paced, pacing_bps=100_000)
    queue(paced, 500)
    run(paced, 0.0, 1.0)
    assert rate(run(paced, 1.5, 1.9)) == pytest.approx(160_000, rel=0.1)
    assert rate(run(paced, 3.0, 4.0)) == pytest.approx(200_000, rel=0.1)


def test_a_brake_slows_down() -> None:
    paced = pacer()
    obey(paced, pacing_bps=2_000_000)
    paced.throughput[:] = 1e6
    paced.braked[:] = True
    queue(paced, 2000)
    assert rate(run(paced, 0.0, 0.5)) == pytest.approx(0.7e6, rel=0.05)
    paced.braked[:] = False
    assert rate(run(paced, 0.5, 0.9)) == pytest.approx(2e6, rel=0.06)


@pytest.mark.parametrize("media", [0, 3])
def test_a_probe_is_sent_in_full_at_its_rate(media: int) -> None:
    paced = pacer()
    obey(
        paced,
        pacing_bps=500_000,
        flags=START_PROBE,
        probe=9,
        probe_bps=4_000_000,
        probe_bytes=15_000,
        probe_packets=5,
    )
    queue(paced, media)
    sent = run(paced, 0.0, 0.1)
    cluster = [each.take(each.probe == 9) for each in sent]
    size = np.concatenate([each.size for each in cluster])
    at = np.concatenate([each.sent for each in cluster])
    assert 15_000 <= size.sum() <= 15_000 + 2500
    assert (size.sum() - size[-1]) * 8 / (at[-1] - at[0]) == pytest.approx(4e6, rel=0.25)
    assert (np.diff(at) > 0).all()
    kinds = np.concatenate([each.kind for each in cluster])
    assert (kinds == VIDEO).sum() == media
    assert (kinds == PADDING).sum() == len(kinds) - media
    assert paced.ended == [(0, 9)]


def test_probes_wait_for_each_other_and_can_be_called_off() -> None:
    paced = pacer()
    for number in (1, 2):
        obey(
            paced,
            flags=START_PROBE,
            probe=number,
            probe_bps=1_000_000,
            probe_bytes=2000,
            probe_packets=5,
        )
    sent = run(paced, 0.0, 0.1)
    probes = np.concatenate([each.probe for each in sent])
    assert probes[probes > 0].tolist() == sorted(probes[probes > 0].tolist())
    assert set(probes.tolist()) >= {1, 2}
    obey(paced, flags=START_PROBE, probe=3, probe_bps=1_000_000, probe_bytes=20_000)
    run(paced, 0.1, 0.11)
    obey(paced, flags=ABORT_PROBES)
    assert rate(run(paced, 0.11, 0.2)) == 0.0


def test_padding_fills_up_to_a_total() -> None:
    paced = pacer(audio=1)
    obey(paced, pacing_bps=2_000_000, padding_bps=800_000)
    sent = run(paced, 0.0, 2.0)
    assert rate(sent) == pytest.approx(800_000, rel=0.02)
    assert rate(sent, PADDING) == pytest.approx(800_000 - AUDIO_RATE, rel=0.03)
    queue(paced, 400, time=2.0)
    sent = run(paced, 2.0, 3.0)
    assert rate(sent, PADDING) == 0.0
