"""WHIP (RFC 9725) over real HTTP: aiortc publishes, is seen in the room, and goes."""

import asyncio
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

from sfu.config import DEV_SECRET, DEV_TENANT
from sfu.participant import Role
from sfu.signaling.rest import http_sessions
from sfu.signaling.tokens import mint
from sfu.store import StoreError
from tests.signaling.listening import listening, settings
from tests.waiting import until

OFFER = Path(__file__).parents[2] / "packets" / "aiortc.sdp"
SDP = {"content-type": "application/sdp"}
FRAGMENT = "application/trickle-ice-sdpfrag"


def bearer(
    server: Any, role: Role = Role.PRESENTER, room: str = "hall", identity: str = "cam"
) -> dict[str, str]:
    now = server.rooms.clock.wall()
    token = mint(
        DEV_SECRET, tenant=DEV_TENANT, room=room, identity=identity, role=role, now=now, ttl=60
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
        fragment = {"content-type": FRAGMENT, **headers}
        tagged = {**fragment, "if-match": answer.headers["etag"]}
        assert (await client.patch(session, content="a=mid:0", headers=tagged)).status_code == 204
        other = {**fragment, "if-match": '"another"'}
        assert (await client.patch(session, content="", headers=other)).status_code == 412
        assert (await client.patch(session, content="", headers=fragment)).status_code == 428
        assert (await client.patch(session, content="", headers=headers)).status_code == 415
        rubbish = await client.patch(session, content="a=ice-ufrag:abcd", headers=tagged)
        assert rubbish.status_code == 422
        # A restart: other credentials on both sides, another tag, the same connection.
        new = "a=ice-ufrag:next\r\na=ice-pwd:0123456789abcdefghijkNEXT\r\n"
        every = {**fragment, "if-match": "*"}
        again = await client.patch(session, content=new, headers=every)
        assert (again.status_code, again.headers["content-type"]) == (200, FRAGMENT)
        assert again.headers["etag"] != answer.headers["etag"]
        ours = [
            re.findall(r"a=ice-(?:ufrag|pwd):(\S+)", each) for each in (answer.text, again.text)
        ]
        assert len(ours[1]) == 2
        assert not set(ours[0]) & set(ours[1])
        assert "a=candidate:" in again.text
        assert (await client.patch(session, content=new, headers=tagged)).status_code == 412
        assert (await client.patch(session, content=new, headers=every)).status_code == 204
        half = new.replace("next", "more")
        assert (await client.patch(session, content=half, headers=every)).status_code == 422
        assert connection.connectionState == "connected"
        assert (await client.get(session, headers=headers)).status_code == 204
        assert (await client.get(session)).status_code == 401
        assert (await client.delete(session)).status_code == 401
        strangers = bearer(server, room="lobby")
        assert (await client.delete(session, headers=strangers)).status_code == 403
        assert (await client.delete(session, headers=headers)).status_code == 200
        assert not live.room.participants
        # Once more is no fault: others close their connection first, and delete then.
        assert (await client.delete(session, headers=headers)).status_code == 200
        assert (await client.delete(session, headers=strangers)).status_code == 404
        assert (await client.delete(f"{session}x", headers=headers)).status_code == 404
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
        offer = OFFER.read_text()
        sections = offer.split("m=")
        twice = "m=".join([*sections, sections[-1].replace("a=mid:1", "a=mid:2")])
        twice = twice.replace("BUNDLE 0 1", "BUNDLE 0 1 2")
        assert await post(twice, {**SDP, **good}) == 406
        odd = offer.replace("a=mid:1", "a=mid:(")
        assert await post(odd, {**SDP, **good}) == 422
        assert (await client.get("/hall")).status_code == 204
        assert (await client.put("/hall")).status_code == 405
        options = await client.options("/hall")
        assert (options.status_code, options.headers["accept-post"]) == (200, SDP["content-type"])
        live = server.rooms.find("dev", "hall")
        assert live is None or not live.room.participants


async def test_a_tenant_that_is_full_says_when_to_ask_again() -> None:
    config = settings(SFU_TENANTS__DEV__MAX_PARTICIPANTS="1")
    async with (
        listening(config) as (server, host),
        httpx.AsyncClient(base_url=f"http://{host}/v1/whip") as client,
    ):
        first, second = [{**SDP, **bearer(server, identity=each)} for each in ("cam", "other")]
        offer = OFFER.read_text()
        assert (await client.post("/hall", content=offer, headers=first)).status_code == 201
        refused = await client.post("/hall", content=offer, headers=second)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert (refused.json()["code"], refused.json()["retry_after"]) == ("overloaded", 5.0)
        assert server.rooms.crowds.people == {"dev": 1}
        # Who comes again takes their own place.
        assert (await client.post("/hall", content=offer, headers=first)).status_code == 201
        joins = server._daemon.admission.joins
        assert (joins.results["admitted"], joins.refused["overloaded"]) == (2, 1)


async def test_a_refused_offer_ends_nothing_that_runs() -> None:
    async with (
        listening() as (server, host),
        httpx.AsyncClient(base_url=f"http://{host}/v1/whip") as client,
    ):
        headers = {**SDP, **bearer(server)}
        offer = OFFER.read_text()
        assert (await client.post("/hall", content=offer, headers=headers)).status_code == 201
        live = server.rooms.find("dev", "hall")
        assert live is not None
        (running,) = live.room.participants
        silent = re.sub(r"a=send\w+", "a=recvonly", offer)
        refused = await client.post("/hall", content=silent, headers=headers)
        assert refused.json()["code"] == "not_sending"
        assert list(live.room.participants) == [running]


@pytest.mark.parametrize("fails", [True, False])
async def test_whose_coming_cannot_be_kept_has_not_come(
    fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_sessions, "PATIENCE", 0.05)
    async with (
        listening() as (server, host),
        httpx.AsyncClient(base_url=f"http://{host}/v1/whip") as client,
    ):
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def keep(_: object) -> asyncio.Future[None]:
            if fails:
                raise StoreError("the disk is full")
            return kept

        journal = server._daemon.journal
        assert journal is not None
        with monkeypatch.context() as away:
            away.setattr(journal.store, "keep", keep)
            headers = {**SDP, **bearer(server)}
            refused = await client.post("/hall", content=OFFER.read_text(), headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
        live = server.rooms.find("dev", "hall")
        assert live is None or not live.room.participants
        # Others may wait for the same.
        assert not kept.done()
        kept.set_result(None)


async def test_a_request_that_is_given_up_ends_nothing_for_others() -> None:
    written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    left: list[str] = []
    session: Any = SimpleNamespace(live=SimpleNamespace(written=written), leave=left.append)
    waiting = asyncio.create_task(http_sessions.keep(session))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (written.cancelled(), left) == (False, ["refused"])


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
        assert (await client.get(session, headers=headers)).status_code == 404
