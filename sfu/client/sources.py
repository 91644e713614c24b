"""What a bot may publish: a test picture, a test tone, or a file."""

import asyncio
import fractions
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
from aiortc import AudioStreamTrack, MediaStreamTrack, VideoStreamTrack
from aiortc.contrib.media import MediaPlayer
from av import AudioFrame, VideoFrame

from sfu.client.shapes import SourceName

Image = npt.NDArray[np.uint8]
"""(height, width, 3), RGB."""

BLOCK = 20
"""A picture's number stands in its first rows: BITS blocks of this size, white is one."""
BITS = 16
RATE = 48_000
COLOURS = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40)]


class TestPicture(VideoStreamTrack):
    """Colour bars, a white bar that moves, and the picture's number to be read by `number_in`.

    30 pictures a second. `number` is that of the next one.
    """

    __test__ = False  # for pytest, which takes the name for its own

    def __init__(self, width: int = 320, height: int = 240) -> None:
        super().__init__()
        if width < BITS * BLOCK or height < 4 * BLOCK:
            raise ValueError(f"the picture's number needs {BITS * BLOCK}x{4 * BLOCK} pixels")
        self.width, self.height = width, height
        self.number = 0

    def drawn(self, number: int) -> Image:
        """The picture of a number."""
        width, height = self.width, self.height
        image = np.zeros((height, width, 3), np.uint8)
        for column, colour in enumerate(COLOURS):
            image[:, column * width // 4 : (column + 1) * width // 4] = colour
        left = number * 4 % (width - BLOCK)
        image[height // 4 : height * 3 // 4, left : left + BLOCK] = 255
        for bit in range(BITS):
            image[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 255 * (number >> bit & 1)
        return image

    async def recv(self) -> VideoFrame:
        """The next picture, when it is due."""
        timestamp, base = await self.next_timestamp()
        frame = VideoFrame.from_ndarray(self.drawn(self.number), format="rgb24")
        frame.pts, frame.time_base = timestamp, base
        self.number = (self.number + 1) % 2**BITS
        return frame


def number_in(image: Image) -> int:
    """The number that a received `TestPicture` of the size it was drawn in shows."""
    centres = [image[BLOCK // 2, bit * BLOCK + BLOCK // 2].mean() > 127 for bit in range(BITS)]
    return sum(1 << bit for bit, one in enumerate(centres) if one)


class Tone(AudioStreamTrack):
    """A sine of `frequency` Hz at half of full scale, so that it counts as audible."""

    def __init__(self, frequency: float = 440.0) -> None:
        super().__init__()
        self.frequency = frequency
        self._at = 0
        self._began = 0.0

    async def recv(self) -> AudioFrame:
        """The next 20 ms, when they are due."""
        loop = asyncio.get_running_loop()
        self._began = self._began or loop.time()
        await asyncio.sleep(max(0.0, self._began + self._at / RATE - loop.time()))
        times = (self._at + np.arange(RATE // 50)) / RATE
        samples = (16_000 * np.sin(2 * math.pi * self.frequency * times)).astype(np.int16)
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, self._at
        frame.time_base = fractions.Fraction(1, RATE)
        self._at += RATE // 50
        return frame


def play(file: Path | str, *, loop: bool = False) -> dict[SourceName, MediaStreamTrack]:
    """The tracks of a file (anything that PyAV reads), in its own time, for `publish(**play(…))`.

    They end with the file, unless it is played in a `loop`.
    """
    player = MediaPlayer(str(file), loop=loop)
    tracks: dict[SourceName, MediaStreamTrack] = {}
    if player.video is not None:
        tracks["camera"] = player.video
    if player.audio is not None:
        tracks["microphone"] = player.audio
    return tracks
