import asyncio
import fractions
import threading
from pathlib import Path

import av
from hypothesis import given
from hypothesis import strategies as st

from sfu.client.receiving import SlotTrack
from sfu.client.recorder import Recorder, Timeline
from sfu.client.sources import TestPicture, Tone

SAMPLES = 960
RATE = 48_000


def sound(begin: int) -> av.AudioFrame:
    frame = av.AudioFrame(format="s16", layout="mono", samples=SAMPLES)
    frame.sample_rate, frame.pts, frame.time_base = RATE, begin, fractions.Fraction(1, RATE)
    return frame


def hold_up(seconds: float) -> None:
    """As a busy machine does: frames wait, and then come all at once."""
    threading.Event().wait(seconds)


async def test_a_loop_that_was_held_up_leaves_a_film_that_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "film.mp4"
    video, audio = SlotTrack("seat", "video"), SlotTrack("seat", "audio")
    video._follow(TestPicture())
    audio._follow(Tone())
    async with Recorder(file, video, audio):
        for _ in range(3):
            await asyncio.sleep(0.3)
            hold_up(0.7)
        await asyncio.sleep(0.3)
    video.stop()
    audio.stop()
    with av.open(str(file)) as film:
        sounds = [packet.dts for packet in film.demux(audio=0) if packet.dts is not None]
    with av.open(str(file)) as film:
        pictures = [frame.pts or 0 for frame in film.decode(video=0)]
    assert len(pictures) > 10
    assert len(sounds) > 20
    assert sounds == sorted(set(sounds))
    assert pictures == sorted(set(pictures))


@given(
    st.lists(
        st.tuples(st.floats(0, 2), st.integers(0, 3 * RATE)),
        max_size=60,
    )
)
def test_no_sound_lies_in_another(steps: list[tuple[float, int]]) -> None:
    timeline = Timeline(fractions.Fraction(1, RATE))
    now, begin, end = 0.0, 0, 0
    for later, skipped in steps:
        now += later
        begin += SAMPLES + skipped
        frame = sound(begin)
        if timeline.place(frame, now):
            assert frame.pts is not None
            assert frame.pts >= end
            end = frame.pts + SAMPLES


def test_sound_without_a_gap_is_written_without_one() -> None:
    timeline = Timeline(fractions.Fraction(1, RATE))
    frames = [sound(i * SAMPLES) for i in range(500)]
    jitter = [0.013 * (i * 7 % 11) for i in range(500)]
    for i, frame in enumerate(frames):
        assert timeline.place(frame, i * SAMPLES / RATE + jitter[i])
    assert [frame.pts for frame in frames] == [i * SAMPLES for i in range(500)]


def test_a_backlog_loses_what_was_said_twice_and_is_in_time_after() -> None:
    timeline = Timeline(fractions.Fraction(1, RATE))
    backlog = [sound(i * SAMPLES) for i in range(50)]  # a second of it, read at once
    placed = [frame for frame in backlog if timeline.place(frame, 0.0)]
    live = [sound((50 + i) * SAMPLES) for i in range(100)]
    placed += [frame for i, frame in enumerate(live) if timeline.place(frame, i * SAMPLES / RATE)]
    assert len(placed) >= 120
    assert placed[-1].pts is not None
    assert abs(placed[-1].pts - 99 * SAMPLES) <= 0.5 * RATE
