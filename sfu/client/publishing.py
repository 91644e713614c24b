"""The sending half: one peer connection, one transceiver per source, offers by us."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from aiortc import (
    MediaStreamTrack,
    RTCPeerConnection,
    RTCRtpSender,
    RTCRtpTransceiver,
    RTCSessionDescription,
)

from sfu.client.connection import configuration, ended
from sfu.client.errors import ClientError
from sfu.client.feed import Feed
from sfu.client.shapes import SourceName

Exchange = Callable[[str, dict[str, SourceName]], Awaitable[str]]
"""Sends an offer and its sources by mid, gives the answer's SDP."""


@dataclass(frozen=True)
class Sending:
    """A transceiver, what it is fed with, and in which codec it sends (video only)."""

    transceiver: RTCRtpTransceiver
    feed: Feed
    codec: str


class Publishing:
    """The publishing connection. It exists from the first published source on.

    A source that is taken away leaves its transceiver inactive, and the next one of its kind and
    codec gets it: m-lines can never be removed (RFC 9429 §5.2.2). aiortc sends one layer a source,
    no simulcast, at the rate that the server's feedback allows.
    """

    def __init__(self, exchange: Exchange) -> None:
        self.connection: RTCPeerConnection | None = None
        self.ice_servers: list[dict[str, Any]] = []
        """For connections from now on."""
        self.tracks: dict[SourceName, MediaStreamTrack] = {}
        """What is published."""
        self._exchange = exchange
        self._used: dict[SourceName, Sending] = {}
        self._idle: list[Sending] = []
        self._codec = "vp8"
        self._turn = asyncio.Lock()

    async def add(
        self,
        tracks: Mapping[SourceName, MediaStreamTrack],
        codec: str,
        muted: Collection[SourceName],
    ) -> None:
        """Publishes tracks by source, all in one offer; a source that is published already gets
        the new track instead, and of a muted one nothing is sent. Raises ClientError; then none of
        these is published."""
        preferences = _preferring(codec)
        async with self._turn:
            self._codec = codec
            try:
                await self._send(tracks, preferences, muted)
            except BaseException:
                for source in tracks:
                    self._detach(source)
                raise

    async def settled(self) -> None:
        """Waits until what is being published is, or is not."""
        async with self._turn:
            pass

    def remove(self, source: SourceName) -> MediaStreamTrack | None:
        """Stops sending it, and gives its track; the m-line turns inactive in the next offer."""
        track = self.tracks.get(source)
        self._detach(source)
        return track

    def mute(self, source: SourceName, muted: bool) -> None:
        """Sends nothing of a source, or its track again."""
        if (sending := self._used.get(source)) is not None:
            sending.feed.show(None if muted else self.tracks[source])

    async def again(self, muted: Collection[SourceName]) -> None:
        """Sends the same over a new connection, after the old one was lost. Raises ClientError;
        then the tracks are kept, for it to be called once more."""
        async with self._turn:
            await self._disconnect()
            if self.tracks:
                await self._send(dict(self.tracks), _preferring(self._codec), muted)

    async def close(self) -> None:
        """Ends the connection; the tracks go on."""
        self.tracks.clear()
        await self._disconnect()

    async def _disconnect(self) -> None:
        lost, self.connection = self.connection, None
        for sending in self._used.values():
            sending.feed.show(None)
        self._used.clear()
        self._idle.clear()
        if lost is not None:
            await ended(lost)

    async def _send(
        self,
        tracks: Mapping[SourceName, MediaStreamTrack],
        preferences: list[Any],
        muted: Collection[SourceName],
    ) -> None:
        for source, track in tracks.items():
            self._attach(source, track, preferences)
            self.mute(source, source in muted)
        await self._negotiate()

    def _attach(self, source: SourceName, track: MediaStreamTrack, preferences: list[Any]) -> None:
        self._detach(source)
        if self.connection is None:
            self.connection = RTCPeerConnection(configuration(self.ice_servers))
        codec = self._codec if track.kind == "video" else ""
        fitting = [
            each for each in self._idle if (each.feed.kind, each.codec) == (track.kind, codec)
        ]
        if fitting:
            sending = fitting[0]
            self._idle.remove(sending)
            sending.transceiver.direction = "sendonly"
        else:
            feed = Feed(track.kind)
            transceiver = self.connection.addTransceiver(feed, direction="sendonly")
            if codec:
                transceiver.setCodecPreferences(preferences)
            sending = Sending(transceiver, feed, codec)
        self._used[source] = sending
        self.tracks[source] = track

    def _detach(self, source: SourceName) -> None:
        self.tracks.pop(source, None)
        if (sending := self._used.pop(source, None)) is not None:
            sending.transceiver.direction = "inactive"
            sending.feed.show(None)
            self._idle.append(sending)

    async def _negotiate(self) -> None:
        connection = self.connection
        assert connection is not None
        await connection.setLocalDescription(await connection.createOffer())
        sources = {each.transceiver.mid or "": source for source, each in self._used.items()}
        answer = await self._exchange(connection.localDescription.sdp, sources)
        await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))


def _preferring(codec: str) -> list[Any]:
    """aiortc's codecs of video, the wanted one first."""
    wanted = f"video/{codec}".lower()
    all = RTCRtpSender.getCapabilities("video").codecs
    if not any(each.mimeType.lower() == wanted for each in all):
        raise ClientError("codec_unsupported", f"aiortc cannot send {codec}")
    return sorted(all, key=lambda each: each.mimeType.lower() != wanted)
