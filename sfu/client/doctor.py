"""What media tells of the way to a server, for `sfu doctor --server`."""

import asyncio
from typing import Any, Final

import httpx
import numpy as np
from aiortc import RTCPeerConnection, RTCSessionDescription

from sfu.client.connection import configuration
from sfu.client.sources import Image, TestPicture, Tone
from sfu.finding import Finding, Level

SECONDS: Final = 6.0
PATIENCE: Final = 10.0
PATH: Final = "/v1/preflight"


class Noise(TestPicture):
    """Pictures of random blocks, on which an encoder spends all that it may."""

    def __init__(self) -> None:
        super().__init__(640, 360)
        blocks = np.random.default_rng(1).integers(0, 256, (8, 90, 160, 3), np.uint8)
        self._pictures = blocks.repeat(4, 1).repeat(4, 2)

    def drawn(self, number: int) -> Image:
        """One of eight."""
        picture: Image = self._pictures[number % len(self._pictures)]
        return picture


async def media(http: httpx.AsyncClient, call_types: list[dict[str, Any]]) -> list[Finding]:
    """Sends a picture and a sound and gets them back; tries the relay, if the server has one."""
    sending, receiving = RTCPeerConnection(configuration([])), RTCPeerConnection(configuration([]))
    try:
        sending.addTrack(Noise())
        sending.addTrack(Tone())
        await sending.setLocalDescription(await sending.createOffer())
        begun = await http.post(PATH, json={"sdp": sending.localDescription.sdp})
        if begun.status_code != 201:
            return [Finding(Level.BAD, "media", f"refused: {begun.text[:200]}")]
        session = begun.json()
        path = f"{PATH}/{session['session']}"
        await sending.setRemoteDescription(RTCSessionDescription(session["answer"], "answer"))
        await _answer(http, receiving, session)
        try:
            up, down = await _measured(http, path, receiving)
        except TimeoutError:
            remedy = "its findings on UDP and TCP say more"
            return [Finding(Level.BAD, "media", "none came back", remedy)]
        await http.delete(path)
    finally:
        await asyncio.gather(sending.close(), receiving.close())
    found = [
        Finding(
            Level.GOOD,
            "media",
            f"at least {up / 1e6:.1f} Mbit/s up, {down / 1e6:.1f} Mbit/s down were carried",
        ),
        await _relay(http, session["ice_servers"]),
    ]
    return found + [verdict(each, up, down) for each in call_types]


def verdict(call: dict[str, Any], up: float, down: float) -> Finding:
    """Of one kind of call. aiortc sends a few Mbit/s at most, so little is no proof of less."""
    name = f"call: {call['name']}"
    if down >= call["download"]["most"] and up >= call["upload"]["most"]:
        return Finding(Level.GOOD, name, "to watch and to present")
    if down >= call["download"]["least"]:
        presents = up >= call["upload"]["least"]
        what = "to watch and to present" if presents else "to watch"
        return Finding(
            Level.GOOD, name, f"{what}; whether at full quality, the page /preflight can measure"
        )
    return Finding(
        Level.DOUBTFUL, name, "not shown by this measurement", "the page /preflight measures more"
    )


async def _answer(
    http: httpx.AsyncClient, connection: RTCPeerConnection, session: dict[str, Any]
) -> None:
    await connection.setRemoteDescription(RTCSessionDescription(session["offer"], "offer"))
    await connection.setLocalDescription(await connection.createAnswer())
    sdp = connection.localDescription.sdp
    (await http.post(f"{PATH}/{session['session']}/answer", json={"sdp": sdp})).raise_for_status()


async def _measured(
    http: httpx.AsyncClient, path: str, receiving: RTCPeerConnection
) -> tuple[float, float]:
    """bit/s that went up and came down, at best. Raises TimeoutError when nothing comes back."""
    (video,) = [each for each in receiving.getTransceivers() if each.kind == "video"]
    async with asyncio.timeout(PATIENCE):
        await video.receiver.track.recv()
    reading = asyncio.create_task(_drain(video.receiver.track))
    up = down = 0.0
    before, last = await _received(receiving), asyncio.get_running_loop().time()
    end = asyncio.get_running_loop().time() + SECONDS
    while asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.5)
        facts = (await http.get(path)).raise_for_status().json()
        up = max(up, facts["up"]["arriving"])
        now, received = asyncio.get_running_loop().time(), await _received(receiving)
        down = max(down, 8 * (received - before) / (now - last))
        before, last = received, now
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    return up, down


async def _received(connection: RTCPeerConnection) -> int:
    """Bytes of the connection so far."""
    report = await connection.getStats()
    return sum(each.bytesReceived for each in report.values() if each.type == "transport")


async def _drain(track: Any) -> None:
    while True:
        await track.recv()


async def _relay(http: httpx.AsyncClient, servers: list[dict[str, Any]]) -> Finding:
    relays = [each for each in servers if any(url.startswith("turn") for url in each["urls"])]
    if not relays:
        return Finding(Level.DOUBTFUL, "media by a relay", "this server has none", "[turn] urls")
    connection = RTCPeerConnection(configuration(relays))
    try:
        session = (await http.post(PATH, json={})).raise_for_status().json()
        await _answer(http, connection, session)
        sdp = connection.localDescription.sdp
        await http.delete(f"{PATH}/{session['session']}")
    finally:
        await connection.close()
    urls = ", ".join(url for each in relays for url in each["urls"])
    if " typ relay" in sdp:
        return Finding(Level.GOOD, "media by a relay", f"{urls} gives addresses")
    return Finding(Level.BAD, "media by a relay", f"{urls} gives no address", "[turn] urls, secret")
