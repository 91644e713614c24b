"""The receiving half: one peer connection, offers by the server, a track per slot and kind."""

import asyncio
from collections import deque
from typing import Any, Final

from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from sfu.client.connection import configuration, ended
from sfu.client.shapes import Kind

KEPT: Final[dict[Kind, int]] = {"video": 30, "audio": 250}
"""Frames that wait to be read: a second of pictures, five of sound. Older ones are dropped."""


class SlotTrack(MediaStreamTrack):
    """What a slot shows or sounds: the same object for good, whoever is on the slot.

    `await recv()` gives the next `av.VideoFrame` or `av.AudioFrame`, and waits while nothing
    comes; it raises `MediaStreamError` when the client has closed. It fits whatever takes a track
    of aiortc.
    """

    def __init__(self, slot: str, kind: Kind) -> None:
        super().__init__()
        self.kind = kind
        self.slot = slot
        self.dropped = 0
        """Frames that nobody has read in time."""
        self._frames: deque[Any] = deque(maxlen=KEPT[kind])
        self._news = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None

    async def recv(self) -> Any:
        """The next frame. Raises MediaStreamError."""
        while not self._frames:
            if self.readyState != "live":
                raise MediaStreamError
            self._news.clear()
            await self._news.wait()
        return self._frames.popleft()

    def stop(self) -> None:
        """Nothing more will come."""
        super().stop()
        if self._pump is not None:
            self._pump.cancel()
        self._news.set()

    def _follow(self, source: MediaStreamTrack) -> None:
        """Takes its frames from here on."""
        if self._pump is not None:
            self._pump.cancel()
        self._pump = asyncio.create_task(self._take(source))

    async def _take(self, source: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await source.recv()
            except MediaStreamError:
                return
            self.dropped += len(self._frames) == self._frames.maxlen
            self._frames.append(frame)
            self._news.set()


class Receiving:
    """The receiving connection. It exists from the server's first offer on."""

    def __init__(self) -> None:
        self.connection: RTCPeerConnection | None = None
        self.ice_servers: list[dict[str, Any]] = []
        """For connections from now on."""
        self._tracks: dict[tuple[str, Kind], SlotTrack] = {}
        self._followed: set[str] = set()
        self._turn = asyncio.Lock()

    def track(self, slot: str, kind: Kind) -> SlotTrack:
        """A slot's track, whether it is there yet or not."""
        found = self._tracks.get((slot, kind))
        if found is None:
            found = self._tracks[slot, kind] = SlotTrack(slot, kind)
        return found

    async def accept(self, sdp: str, slots: dict[str, str]) -> str:
        """Takes an offer, `slots` by mid, and gives the answer's SDP."""
        async with self._turn:
            if self.connection is None:
                self.connection = RTCPeerConnection(configuration(self.ice_servers))
            connection = self.connection
            await connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
            for each in connection.getTransceivers():
                mid = each.mid or ""
                if mid in slots and mid not in self._followed and each.receiver.track:
                    self._followed.add(mid)
                    kind: Kind = "audio" if each.kind == "audio" else "video"
                    self.track(slots[mid], kind)._follow(each.receiver.track)
            await connection.setLocalDescription(await connection.createAnswer())
            return str(connection.localDescription.sdp)

    async def reset(self) -> None:
        """Forgets a lost connection; the tracks stay, for the next offer."""
        lost, self.connection = self.connection, None
        self._followed.clear()
        if lost is not None:
            await ended(lost)

    async def close(self) -> None:
        """Ends connection and tracks."""
        await self.reset()
        for track in self._tracks.values():
            track.stop()
