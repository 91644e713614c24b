"""What the publishers' cameras show: so much that moves that every layer costs what it may."""

from pathlib import Path
from typing import Final

import numpy as np

WIDTH: Final = 640
HEIGHT: Final = 360
FPS: Final = 30
FRAMES: Final = 60
_GRAIN: Final = 8
"""Pixels of one grain: fine enough to be dear, coarse enough to be seen in the small layers."""


def write(path: Path) -> Path:
    """Writes YUV4MPEG2, which Chromium takes for its fake camera: a grainy picture that drifts."""
    random = np.random.default_rng(1)
    rows, columns = HEIGHT // _GRAIN, WIDTH // _GRAIN + FRAMES
    grains = random.integers(48, 208, (rows, columns), np.uint8)
    chroma = np.full(WIDTH * HEIGHT // 2, 128, np.uint8).tobytes()
    with path.open("wb") as film:
        film.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{FPS}:1 Ip A1:1 C420mpeg2\n".encode())
        for number in range(FRAMES):
            # To and fro, so that the film has no seam.
            offset = 2 * min(number, FRAMES - number)
            still = grains.repeat(_GRAIN, axis=0).repeat(_GRAIN, axis=1)
            luma = still[:, offset : offset + WIDTH].copy()
            noise = random.integers(-12, 13, luma.shape, np.int16)
            film.write(b"FRAME\n" + (luma + noise).astype(np.uint8).tobytes() + chroma)
    return path
