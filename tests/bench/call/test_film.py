"""The cameras' film, as Chromium reads it."""

from pathlib import Path

import numpy as np

from sfu.bench.call.film import FRAMES, HEIGHT, WIDTH, write


def test_the_film_moves_and_has_no_seam(tmp_path: Path) -> None:
    data = write(tmp_path / "film.y4m").read_bytes()
    head, _, rest = data.partition(b"\n")
    assert head.split()[:4] == [b"YUV4MPEG2", b"W640", b"H360", b"F30:1"]
    size = len(b"FRAME\n") + WIDTH * HEIGHT * 3 // 2
    assert len(rest) == FRAMES * size
    starts = range(0, len(rest), size)
    assert all(rest[start:].startswith(b"FRAME\n") for start in starts)
    luma = [
        np.frombuffer(rest, np.uint8, WIDTH * HEIGHT, start + 6).astype(int) for start in starts
    ]
    steps = [np.abs(luma[number] - luma[number - 1]).mean() for number in range(FRAMES)]
    # From the last to the first (number 0) it is as far as anywhere.
    assert 0.8 * np.mean(steps) < steps[0] < 1.2 * np.mean(steps)
    assert min(steps) > 5
