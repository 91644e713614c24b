"""The adapter against a socket that speaks as LiveKit does."""

from pathlib import Path

import pytest
from livekit.protocol import rtc
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from sfu.bench.peers import MissingPeer
from sfu.bench.peers.livekit import Signals, version

DATA = "v=0\r\na=fingerprint:sha-256 AB\r\nm=application 9 UDP/DTLS/SCTP x\r\na=setup:actpass\r\n"
VIDEO = DATA + (
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=setup:actpass\r\na=ice-ufrag:theirs\r\n"
    "a=ice-pwd:secret\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
)


async def livekit(socket: ServerConnection) -> None:
    """Offers the data channel first, then video, and wants an answer to each."""
    for number, sdp in enumerate((DATA, VIDEO), 1):
        offer = rtc.SessionDescription(type="offer", sdp=sdp, id=number)
        await socket.send(rtc.SignalResponse(offer=offer).SerializeToString())
        frame = await socket.recv(decode=False)
        answer = rtc.SignalRequest.FromString(frame).answer
        assert (answer.type, answer.id) == ("answer", number)
        assert "a=setup:active" in answer.sdp
    await socket.wait_closed()


async def test_every_offer_is_answered_and_the_first_one_of_video_is_taken() -> None:
    async with serve(livekit, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        signals = Signals("one", await connect(f"ws://127.0.0.1:{port}"), "sha-256 CD")
        assert await signals.offer() == (VIDEO, (96, 97, 0, 0))
        await signals.close()


def test_it_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingPeer, match="livekit-server"):
        version(tmp_path)
