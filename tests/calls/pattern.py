"""The picture that the browsers' fake camera shows, and that receivers must recognise.

Four quadrants of known colours say that the picture is whole and the right way up; a row of
eight black or white cells across the middle is the frame's number, so that motion can be read
from a received picture. Noise that changes with every frame makes the picture as hard to code as a
real one: without it a frame would be a single small packet.
"""

from pathlib import Path

import numpy as np

WIDTH, HEIGHT, FPS = 1280, 720, 15
"""Half the frame rate of a real camera is half the work, on machines that encode and decode all."""
FRAMES = 32
"""The file's length; the number of a frame is modulo this."""

CELLS = 8
CELL = WIDTH // CELLS
ROW = slice(HEIGHT // 2 - 60, HEIGHT // 2 + 60)
GRAIN, COARSE_ROWS = 32, 2
COARSE = slice(432, 432 + GRAIN * COARSE_ROWS)
FINE = (slice(216, 280), slice(480, 800))
"""Coarse noise is seen in every layer; the fine kind averages out in the smaller ones, so that the
large one costs what a real picture costs and the small ones keep within their rates."""

QUADRANTS = {
    "top_left": (200, 40, 40),
    "top_right": (40, 160, 60),
    "bottom_left": (50, 70, 200),
    "bottom_right": (210, 190, 60),
}


def write(path: Path) -> Path:
    """Writes the camera's film as YUV4MPEG2, which Chromium takes for its fake camera."""
    still = _quadrants()
    random = np.random.default_rng(1)
    with path.open("wb") as film:
        film.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{FPS}:1 Ip A1:1 C420mpeg2\n".encode())
        for number in range(FRAMES):
            frame = still.copy()
            for cell in range(CELLS):
                bit = number >> (CELLS - 1 - cell) & 1
                frame[ROW, cell * CELL : (cell + 1) * CELL] = 235 if bit else 16
            frame[FINE] = random.integers(60, 190, frame[FINE].shape[:2], np.uint8)[..., None]
            grains = random.integers(16, 235, (COARSE_ROWS, WIDTH // GRAIN, 1), np.uint8)
            frame[COARSE] = grains.repeat(GRAIN, axis=0).repeat(GRAIN, axis=1)
            film.write(b"FRAME\n" + _planes(frame))
    return path


def _quadrants() -> "np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]":
    frame = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for name, colour in QUADRANTS.items():
        rows = slice(0, HEIGHT // 2) if name.startswith("top") else slice(HEIGHT // 2, None)
        columns = slice(0, WIDTH // 2) if name.endswith("left") else slice(WIDTH // 2, None)
        frame[rows, columns] = colour
    return frame


def _planes(frame: "np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]") -> bytes:
    """RGB to planar 4:2:0, ITU-R BT.601 in studio range."""
    red, green, blue = (frame[..., i].astype(np.float32) for i in range(3))
    luma = 16 + 0.257 * red + 0.504 * green + 0.098 * blue
    cb = 128 - 0.148 * red - 0.291 * green + 0.439 * blue
    cr = 128 + 0.439 * red - 0.368 * green - 0.071 * blue
    halves = (plane[::2, ::2] for plane in (cb, cr))
    return b"".join(plane.round().astype(np.uint8).tobytes() for plane in (luma, *halves))
