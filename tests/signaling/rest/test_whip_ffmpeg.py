"""FFmpeg publishes by WHIP over real HTTP: a player sees its picture and hears its sound."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from av import AudioFrame

from sfu.certificate import Certificate
from sfu.client import number_in
from sfu.participant import Role
from tests.signaling.listening import listening
from tests.signaling.rest import ffmpeg
from tests.signaling.rest.test_whip import SDP, bearer
from tests.waiting import until


@pytest.fixture
def certificate(tmp_path: Path) -> list[str]:
    """A certificate's file, and its key's: what FFmpeg makes by itself with GnuTLS is refused."""
    before, begin, after = Certificate.generate().dump().partition(b"-----BEGIN PRIVATE KEY")
    files = {"certificate.pem": before, "key.pem": begin + after}
    for name, text in files.items():
        (tmp_path / name).write_bytes(text)
    return [str(tmp_path / name) for name in files]


def frequency(sound: AudioFrame) -> float:
    """Of the loudest tone in it, in Hz; 0 for silence."""
    samples = sound.to_ndarray()[0, :: len(sound.layout.channels)].astype(float)
    if np.abs(samples).max() < 1000:
        return 0.0
    return float(np.abs(np.fft.rfft(samples)).argmax() * sound.sample_rate / len(samples))


async def test_ffmpeg_is_seen_and_heard_and_goes(certificate: list[str]) -> None:
    playing = RTCPeerConnection(RTCConfiguration(bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
    receivers = [
        playing.addTransceiver(kind, direction="recvonly").receiver for kind in ("audio", "video")
    ]
    await playing.setLocalDescription(await playing.createOffer())
    async with (
        listening() as (server, host),
        httpx.AsyncClient(base_url=f"http://{host}") as client,
        asyncio.timeout(30),
    ):
        url, token = f"http://{host}/v1/whip/hall", bearer(server)["authorization"].split()[1]
        program = [sys.executable, "-m", ffmpeg.__name__, url, token, *certificate]
        publisher = await asyncio.create_subprocess_exec(*program, stdin=subprocess.PIPE)
        assert publisher.stdin is not None
        try:
            gone = asyncio.create_task(publisher.wait())
            await until(lambda: gone.done() or server.rooms.find("dev", "hall") is not None)
            guest = {**SDP, **bearer(server, Role.ATTENDEE, identity="eve")}
            offer = playing.localDescription.sdp
            answer = await client.post("/v1/whep/hall", content=offer, headers=guest)
            await playing.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
            tracks: list[Any] = [each.track for each in receivers]
            audio, video = tracks
            pictures = [await video.recv() for _ in range(10)]
            numbers = [number_in(each.to_ndarray(format="rgb24")) for each in pictures]
            assert numbers == sorted(set(numbers))
            while abs(frequency(await audio.recv()) - ffmpeg.TONE) > 50:
                pass
            publisher.stdin.close()
            assert await gone == 0
            # It has deleted its session.
            live = server.rooms.find("dev", "hall")
            assert live is not None
            assert [each.identity for each in live.room.participants.values()] == ["eve"]
        finally:
            publisher.stdin.close()
            await playing.close()
