"""The receiving half: one peer connection, offers by the server, a track per slot and kind."""

import asyncio
import re
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
        """Of this connection; the next one has its own."""
        self._session = ""
        """The id in the origin of its offers."""
        self._ending: set[asyncio.Task[None]] = set()
        """Of connections that were lost."""

    def track(self, slot: str, kind: Kind) -> SlotTrack:
        """A slot's track, whether it is there yet or not."""
        found = self._tracks.get((slot, kind))
        if found is None:
            found = self._tracks[slot, kind] = SlotTrack(slot, kind)
        return found

    async def accept(self, sdp: str, slots: dict[str, str]) -> str | None:
        """Takes an offer, `slots` by mid, and gives the answer's SDP: None when the connection was
        lost meanwhile, for then there is nothing to answer any more."""
        session = _session_of(sdp)
        if self.connection is not None and session != self._session:
            # It is for another connection: that this one is lost is not told where too much was.
            self._forget()
        turn, self._session = self._turn, session
        async with turn:
            if turn is not self._turn:
                return None
            if self.connection is None:
                self.connection = RTCPeerConnection(configuration(self.ice_servers))
            return await self._answer(self.connection, sdp, slots)

    async def _answer(
        self, connection: RTCPeerConnection, sdp: str, slots: dict[str, str]
    ) -> str | None:
        await connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        if connection is not self.connection:
            return None
        for each in connection.getTransceivers():
            mid = each.mid or ""
            if mid in slots and mid not in self._followed and each.receiver.track:
                self._followed.add(mid)
                kind: Kind = "audio" if each.kind == "audio" else "video"
                self.track(slots[mid], kind)._follow(each.receiver.track)
        await connection.setLocalDescription(await connection.createAnswer())
        return str(connection.localDescription.sdp) if connection is self.connection else None

    async def reset(self) -> None:
        """Forgets a lost connection; the tracks stay, for the next offer."""
        self._forget()
        if self._ending:
            await asyncio.wait(self._ending)

    def _forget(self) -> None:
        lost, turn = self.connection, self._turn
        self.connection, self._turn = None, asyncio.Lock()
        self._followed.clear()
        if lost is not None:
            task = asyncio.create_task(_end(lost, turn))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """Ends connection and tracks."""
        await self.reset()
        for track in self._tracks.values():
            track.stop()


async def _end(lost: RTCPeerConnection, turn: asyncio.Lock) -> None:
    async with turn:  # one that closes while it gathers candidates leaves sockets open
        await ended(lost)


def _session_of(sdp: str) -> str:
    """What all descriptions of one connection have in common (RFC 9429 §5.2.1)."""
    found = re.search(r"^o=\S+ (\S+)", sdp, re.MULTILINE)
    return found[1] if found else ""
