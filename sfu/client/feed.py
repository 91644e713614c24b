"""What a sender of aiortc is given instead of the track itself."""

import asyncio
import fractions
import logging
from typing import Any

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

_log = logging.getLogger(__name__)

VIDEO_CLOCK = fractions.Fraction(1, 90_000)
AUDIO_CLOCK = fractions.Fraction(1, 48_000)


class Feed(MediaStreamTrack):
    """Gives one track's frames, then another's, or none for a while.

    aiortc's encoders fail when time runs backwards, as it does where a track follows another: here
    each begins at the time that it is. And the track outlives the sender, which stops what it
    was given.
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self._frames: asyncio.Queue[Any] = asyncio.Queue(1)
        self._pump: asyncio.Task[None] | None = None
        self._last = -1

    def show(self, track: MediaStreamTrack | None) -> None:
        """From now on gives this track's frames; None for none."""
        if self._pump is not None:
            self._pump.cancel()
        self._pump = None if track is None else asyncio.create_task(self._take(track))

    async def recv(self) -> Any:
        """The next frame; waits while there is none."""
        return await self._frames.get()

    def stop(self) -> None:
        """Nothing more is given."""
        super().stop()
        self.show(None)

    async def _take(self, track: MediaStreamTrack) -> None:
        clock = VIDEO_CLOCK if self.kind == "video" else AUDIO_CLOCK
        shift: int | None = None
        while True:
            try:
                frame: Any = await track.recv()
            except MediaStreamError:  # it has ended
                return
            except Exception:  # it is the application's, and may raise anything
                _log.exception("a published track has failed: nothing of it is sent any more")
                return
            at = int(frame.pts * frame.time_base / clock)
            if shift is None:
                shift = max(int(asyncio.get_running_loop().time() / clock), self._last + 1) - at
            frame.pts, frame.time_base = max(at + shift, self._last + 1), clock
            self._last = frame.pts
            await self._frames.put(frame)
