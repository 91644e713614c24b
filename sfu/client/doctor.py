"""What media tells of the way to a server, for `sfu doctor --server`."""

import asyncio
from typing import Any, Final

import httpx
import numpy as np
from aiortc import RTCPeerConnection, RTCSessionDescription

from sfu.client.connection import configuration, ended
from sfu.client.sources import Image, TestPicture, Tone
from sfu.doctor.finding import Finding, Level

SECONDS: Final = 6.0
PATIENCE: Final = 10.0
PATH: Final = "/v1/preflight"
_BY_RELAY: Final = "media by a relay"


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


async def media(
    http: httpx.AsyncClient, call_types: list[dict[str, Any]], *, reached: bool
) -> list[Finding]:
    """Sends a picture and a sound and gets them back: over UDP where the server is `reached` so,
    else over its relay. Raises httpx.HTTPStatusError where the server refuses."""
    relays = await _relays(http)
    urls = ", ".join(url for each in relays for url in each["urls"])
    subject, servers, way = "media", [], "[media] announced_addresses, and the firewall"
    if not reached and relays:
        subject, servers, way = _BY_RELAY, relays, f"{urls}: is it running, and [turn] secret its?"
    carried = await _carried(http, servers)
    if carried is None:
        return [Finding(Level.BAD, subject, "none came back", way)]
    up, down = carried
    words = f"at least {up / 1e6:.1f} Mbit/s up, {down / 1e6:.1f} Mbit/s down were carried"
    found = [Finding(Level.GOOD, subject, words)]
    if reached:
        found.append(await _relay(http, relays, urls))
    return found + [verdict(each, up, down) for each in call_types]


async def _carried(
    http: httpx.AsyncClient, servers: list[dict[str, Any]]
) -> tuple[float, float] | None:
    """bit/s that went up and came down, with the help of these servers; None if nothing did."""
    sending = RTCPeerConnection(configuration(servers))
    receiving = RTCPeerConnection(configuration(servers))
    try:
        sending.addTrack(Noise())
        sending.addTrack(Tone())
        await sending.setLocalDescription(await sending.createOffer())
        begun = await http.post(PATH, json={"sdp": sending.localDescription.sdp})
        session = begun.raise_for_status().json()
        path = f"{PATH}/{session['session']}"
        await sending.setRemoteDescription(RTCSessionDescription(session["answer"], "answer"))
        await _answer(http, receiving, session)
        try:
            return await _measured(http, path, receiving)
        except TimeoutError:
            return None
        finally:
            await http.delete(path)
    finally:
        await asyncio.gather(ended(sending), ended(receiving))


async def _relays(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    """The server's TURN servers, with credentials for a few seconds."""
    session = (await http.post(PATH, json={})).raise_for_status().json()
    await http.delete(f"{PATH}/{session['session']}")
    servers: list[dict[str, Any]] = session["ice_servers"]
    return [each for each in servers if any(url.startswith("turn") for url in each["urls"])]


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


async def _relay(http: httpx.AsyncClient, relays: list[dict[str, Any]], urls: str) -> Finding:
    """Whether it lends addresses, where nobody needs one."""
    if not relays:
        return Finding(Level.DOUBTFUL, _BY_RELAY, "this server has none", "[turn] urls")
    connection = RTCPeerConnection(configuration(relays))
    try:
        session = (await http.post(PATH, json={})).raise_for_status().json()
        await _answer(http, connection, session)
        sdp = connection.localDescription.sdp
        await http.delete(f"{PATH}/{session['session']}")
    finally:
        await ended(connection)
    if " typ relay" in sdp:
        return Finding(Level.GOOD, _BY_RELAY, f"{urls} gives addresses")
    return Finding(Level.BAD, _BY_RELAY, f"{urls} gives no address", "[turn] urls, secret")
