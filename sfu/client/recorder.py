"""Writes what a slot shows and sounds into a file.

aiortc's own recorder opens the file at the first sound, before it knows how large pictures are, and
then loses them; here the first picture opens it.
"""

import asyncio
import fractions
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import av
from aiortc.mediastreams import MediaStreamError

from sfu.client.receiving import SlotTrack

CLOCKS: Final = {"video": fractions.Fraction(1, 90_000), "audio": fractions.Fraction(1, 48_000)}
STRAYED: Final = 0.5
"""Seconds by which a track's own clock may be off before it is set anew: it was muted, or somebody
else is on the slot."""
WAITING: Final = {"video": 15, "audio": 250}
"""Frames that may wait for the encoders; what comes on top of them is left out of the file. Of
pictures, which are large and take long, only a few."""


class Timeline:
    """Where a track's frames lie in the file: by the track's own clock, which is set by the wall's.

    `clock`: seconds of a tick.
    """

    def __init__(self, clock: fractions.Fraction) -> None:
        self._clock = clock
        self._shift: int | None = None
        self._end = 0

    def place(self, frame: Any, now: float) -> bool:
        """Gives `frame` its place, `now` seconds after the file began; False: it has none.

        What a track has said already is not said again: sound that had waited makes the clock late,
        and once it is set back the next frames lie in what was written.
        """
        at = round(frame.pts * frame.time_base / self._clock)
        present = round(now / self._clock)
        if self._shift is None or abs(at + self._shift - present) * self._clock > STRAYED:
            self._shift = present - at
        begin = at + self._shift
        if begin < self._end:
            return False
        frame.pts, frame.time_base = begin, self._clock
        # A sound lasts for its samples, and lies on a clock of samples; a picture is a moment.
        self._end = begin + getattr(frame, "samples", 1)
        return True


class Recorder:
    """Of one slot: `async with Recorder("film.mp4", video, audio):`.

    A picture that changes its size is scaled to that of the first one. Nothing is written before
    that. Files: .mp4, .mkv (H.264, AAC) or .webm (VP8, Opus).
    """

    def __init__(self, file: Path | str, video: SlotTrack, audio: SlotTrack) -> None:
        self._file = str(file)
        self._video, self._audio = video, audio
        self._container: Any = None
        self._streams: dict[str, Any] = {}
        self._opened = asyncio.Event()
        # One thread: a file is no place for two, and what is under way ends before the file does.
        self._thread = ThreadPoolExecutor(1, "recorder")
        self._writing: dict[str, deque[Future[None]]] = {kind: deque() for kind in WAITING}
        self._began = 0.0
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Recorder":
        self._tasks = [
            asyncio.create_task(self._record(track)) for track in (self._video, self._audio)
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        writing = [*self._writing["video"], *self._writing["audio"]]
        if self._container is not None:
            writing.append(self._thread.submit(self._finish))
        self._thread.shutdown(wait=False)
        written = map(asyncio.wrap_future, writing)
        results += await asyncio.gather(*written, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _record(self, track: SlotTrack) -> None:
        timeline, writing = Timeline(CLOCKS[track.kind]), self._writing[track.kind]
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            if track.kind == "video" and self._container is None:
                self._open(frame.width, frame.height)
            if not self._opened.is_set():
                continue  # sound before the first picture
            while writing and writing[0].done():
                writing.popleft().result()
            # The encoders are not waited for: a frame that is taken late has the wrong time.
            now = time.monotonic() - self._began
            if len(writing) < WAITING[track.kind] and timeline.place(frame, now):
                writing.append(self._thread.submit(self._write, track.kind, frame))

    def _open(self, width: int, height: int) -> None:
        webm = self._file.endswith(".webm")
        self._container = av.open(self._file, "w")
        video = self._container.add_stream("libvpx" if webm else "libx264", rate=30)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.codec_context.time_base = CLOCKS["video"]
        audio = self._container.add_stream("libopus" if webm else "aac", rate=48_000)
        self._streams = {"video": video, "audio": audio}
        self._began = time.monotonic()
        self._opened.set()

    def _write(self, kind: str, frame: Any) -> None:
        stream = self._streams[kind]
        if kind == "video" and (frame.width, frame.height) != (stream.width, stream.height):
            pts, base = frame.pts, frame.time_base
            frame = frame.reformat(stream.width, stream.height, "yuv420p")
            frame.pts, frame.time_base = pts, base
        if kind == "video":
            frame.pict_type = 0  # the encoder's to choose
        self._container.mux(stream.encode(frame))

    def _finish(self) -> None:
        for stream in self._streams.values():
            self._container.mux(stream.encode(None))
        self._container.close()
