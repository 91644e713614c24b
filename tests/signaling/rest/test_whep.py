"""WHEP over real HTTP: aiortc publishes by WHIP, and watches."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

from sfu.options import Options, State
from sfu.participant import Role
from tests.signaling.listening import listening
from tests.signaling.rest.test_whip import FRAGMENT, SDP, bearer


@pytest.fixture
async def connections() -> AsyncIterator[list[RTCPeerConnection]]:
    together = RTCConfiguration(bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
    made = [RTCPeerConnection(together) for _ in range(2)]
    yield made
    for each in made:
        await each.close()


async def offer(connection: RTCPeerConnection) -> str:
    await connection.setLocalDescription(await connection.createOffer())
    return str(connection.localDescription.sdp)


async def test_a_player_gets_picture_and_sound(connections: list[RTCPeerConnection]) -> None:
    publishing, playing = connections
    publishing.addTrack(AudioStreamTrack())
    publishing.addTrack(VideoStreamTrack())
    for kind in ("audio", "video"):
        playing.addTransceiver(kind, direction="recvonly")
    async with (
        listening() as (server, host),
        httpx.AsyncClient(base_url=f"http://{host}") as client,
    ):
        presenter = {**SDP, **bearer(server)}
        answer = await client.post(
            "/v1/whip/hall", content=await offer(publishing), headers=presenter
        )
        await publishing.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        guest = bearer(server, Role.ATTENDEE, identity="eve")
        said = await offer(playing)
        answer = await client.post("/v1/whep/hall", content=said, headers={**SDP, **guest})
        assert answer.status_code == 201
        assert answer.headers["content-type"] == "application/sdp"
        assert re.findall(r"^a=(sendonly|recvonly|inactive)", answer.text, re.MULTILINE) == [
            "sendonly", "sendonly",
        ]  # fmt: skip
        assert len(set(re.findall(r"a=msid:(\S+)", answer.text))) == 1
        await playing.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        tracks = {each.kind: each.receiver.track for each in playing.getTransceivers()}
        async with asyncio.timeout(20):
            frame: Any = await tracks["video"].recv()
            assert frame.width == 640
            for _ in range(3):
                await tracks["video"].recv()
        live = server.rooms.find("dev", "hall")
        assert live is not None
        session = answer.headers["location"]
        assert session.startswith("/v1/whep/hall/")
        fragment = {**guest, "content-type": FRAGMENT, "if-match": "*"}
        new = "a=ice-ufrag:next\r\na=ice-pwd:0123456789abcdefghijkNEXT\r\n"
        assert (await client.patch(session, content=new, headers=fragment)).status_code == 200
        await tracks["video"].recv()
        assert (await client.delete(session, headers=presenter)).status_code == 403
        assert (await client.delete(session, headers=guest)).status_code == 200
        assert [each.identity for each in live.room.participants.values()] == ["cam"]


async def test_what_a_player_may_not_ask_for(connections: list[RTCPeerConnection]) -> None:
    playing, many = connections
    playing.addTransceiver("video", direction="recvonly")
    good = await offer(playing)
    for _ in range(3):
        many.addTransceiver("video", direction="recvonly")
    async with (
        listening() as (server, host),
        httpx.AsyncClient(base_url=f"http://{host}/v1/whep") as client,
    ):
        guest = bearer(server, Role.ATTENDEE)

        async def post(content: str, headers: dict[str, str]) -> int:
            answer = await client.post("/hall", content=content, headers=headers)
            assert answer.headers["content-type"] == "application/problem+json"
            return answer.status_code

        assert await post(good, SDP) == 401
        assert await post(good, guest) == 415
        assert await post("v=0", {**SDP, **guest}) == 422
        assert await post(await offer(many), {**SDP, **guest}) == 406
        assert await post(good.replace("recvonly", "sendonly"), {**SDP, **guest}) == 406
        assert await post(good.replace("VP8", "VP1").replace("H264", "H1"), {**SDP, **guest}) == 406
        live = server.rooms.find("dev", "hall")
        assert live is None or not live.room.participants


async def test_who_comes_too_early_may_ask_again(connections: list[RTCPeerConnection]) -> None:
    playing, _ = connections
    playing.addTransceiver("video", direction="recvonly")
    async with (
        listening() as (server, host),
        httpx.AsyncClient(base_url=f"http://{host}/v1/whep") as client,
    ):
        live = server.rooms.create("dev", "hall", Options(access="token"), state=State.PREPARING)
        headers = {**SDP, **bearer(server, Role.ATTENDEE)}
        early = await client.post("/hall", content=await offer(playing), headers=headers)
        assert early.status_code == 409
        assert int(early.headers["retry-after"]) > 0
        assert not live.room.waiting
