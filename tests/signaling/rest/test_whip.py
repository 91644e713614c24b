"""WHIP (RFC 9725) over real HTTP: aiortc publishes, is seen in the room, and goes."""

from pathlib import Path
from typing import Any

import httpx
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

from sfu.config import DEV_SECRET, DEV_TENANT
from sfu.participant import Role
from sfu.signaling.tokens import mint
from tests.signaling.listening import listening, settings
from tests.waiting import until

OFFER = Path(__file__).parents[2] / "packets" / "aiortc.sdp"
SDP = {"content-type": "application/sdp"}


def bearer(server: Any, role: Role = Role.PRESENTER, room: str = "hall") -> dict[str, str]:
    now = server.rooms.clock.wall()
    token = mint(
        DEV_SECRET, tenant=DEV_TENANT, room=room, identity="cam", role=role, now=now, ttl=60
    )
    return {"authorization": f"Bearer {token}"}


async def test_a_publisher_is_somebody_in_the_room() -> None:
    connection = RTCPeerConnection()
    connection.addTrack(AudioStreamTrack())
    connection.addTrack(VideoStreamTrack())
    await connection.setLocalDescription(await connection.createOffer())
    async with (
        listening() as (server, host),
        httpx.AsyncClient(base_url=f"http://{host}/v1/whip") as client,
    ):
        headers = bearer(server)
        offer = connection.localDescription.sdp
        answer = await client.post("/hall", content=offer, headers={**SDP, **headers})
        assert (answer.status_code, answer.headers["content-type"]) == (201, "application/sdp")
        await connection.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        await until(lambda: connection.connectionState == "connected")
        live = server.rooms.find("dev", "hall")
        assert live is not None
        (publisher,) = live.room.participants.values()
        assert (publisher.identity, publisher.seat) == ("cam", 1)
        assert set(publisher.tracks) == {"microphone", "camera"}
        session = answer.headers["location"].removeprefix("/v1/whip")
        fragment = {"content-type": "application/trickle-ice-sdpfrag", **headers}
        tagged = {**fragment, "if-match": answer.headers["etag"]}
        assert (await client.patch(session, content="a=mid:0", headers=tagged)).status_code == 204
        other = {**fragment, "if-match": '"another"'}
        assert (await client.patch(session, content="", headers=other)).status_code == 412
        assert (await client.delete(session)).status_code == 401
        strangers = bearer(server, room="lobby")
        assert (await client.delete(session, headers=strangers)).status_code == 403
        assert (await client.delete(session, headers=headers)).status_code == 200
        assert not live.room.participants
        assert (await client.delete(session, headers=headers)).status_code == 404
    await connection.close()


async def test_what_cannot_be_published_is_refused_and_leaves_nobody() -> None:
    async with (
        listening() as (server, host),
        httpx.AsyncClient(base_url=f"http://{host}/v1/whip") as client,
    ):
        good = bearer(server)

        async def post(content: str, headers: dict[str, str], room: str = "hall") -> int:
            answer = await client.post(f"/{room}", content=content, headers=headers)
            assert answer.headers["content-type"] == "application/problem+json"
            return answer.status_code

        assert await post("v=0", SDP) == 401
        assert await post("v=0", {**SDP, "authorization": "Bearer nonsense"}) == 401
        assert await post("v=0", good) == 415
        assert await post("v=0", {**SDP, **good}) == 422
        assert await post("v=0", {**SDP, **good}, room="lobby") == 403
        assert (await client.get("/hall")).status_code == 405
        live = server.rooms.find("dev", "hall")
        assert live is None or not live.room.participants


async def test_without_media_there_is_no_session() -> None:
    async with (
        listening(settings(SFU_LIMITS__PATH_TIMEOUT="0.5")) as (server, host),
        httpx.AsyncClient(base_url=f"http://{host}/v1/whip") as client,
    ):
        headers = bearer(server)
        offer = OFFER.read_text()
        answer = await client.post("/hall", content=offer, headers={**SDP, **headers})
        live = server.rooms.find("dev", "hall")
        assert live is not None
        assert live.room.participants
        # The answer is thrown away: nobody comes.
        await until(lambda: not live.room.participants)
        session = answer.headers["location"].removeprefix("/v1/whip")
        assert (await client.delete(session, headers=headers)).status_code == 404
