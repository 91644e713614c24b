"""Checks before joining: media comes back; who may, how many, for how long."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription

from sfu import Server
from sfu.client import TestPicture, Tone, number_in
from sfu.client.connection import configuration
from sfu.config import Settings
from sfu.participant import Role
from sfu.signaling.preflight import Preflight
from sfu.signaling.tokens import mint
from tests.signaling.descriptions import CHROMIUM, answer_to
from tests.signaling.listening import listening
from tests.waiting import until

SECRET = "a-secret-of-a-tenant-that-is-long-enough"
STRANGER = "203.0.113.7"
PATH = "/v1/preflight"
OPEN = {"preflight": "open"}


@contextlib.asynccontextmanager
async def serving(tmp_path: Any, **changes: Any) -> AsyncIterator[tuple[Server, Preflight]]:
    """A server for the world, not for developers."""
    settings = Settings.model_validate(
        {
            "media": {"udp_port": 0},
            "store": {"path": str(tmp_path / "sfu.sqlite")},
            "tenants": {"acme": {"secret": SECRET}},
            **changes,
        }
    )
    server = Server(settings)
    async with server:
        yield server, server.asgi.state.preflight  # type: ignore[attr-defined]  # it is a FastAPI


def client(server: Server, address: str = STRANGER) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(server.asgi, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://sfu")


def bearer(server: Server, ttl: float = 60, identity: str = "ann") -> dict[str, str]:
    now = server.rooms.clock.wall()
    token = mint(
        SECRET, tenant="acme", room="hall", identity=identity, role=Role.ATTENDEE, now=now, ttl=ttl
    )
    return {"authorization": f"Bearer {token}"}


async def test_what_is_sent_comes_back() -> None:
    sending, receiving = RTCPeerConnection(configuration([])), RTCPeerConnection(configuration([]))
    sending.addTrack(TestPicture())
    sending.addTrack(Tone())
    await sending.setLocalDescription(await sending.createOffer())
    async with (
        listening() as (server, host),
        httpx.AsyncClient(base_url=f"http://{host}") as http,
        asyncio.timeout(30),
    ):
        begun = await http.post(PATH, json={"sdp": sending.localDescription.sdp})
        assert begun.status_code == 201, begun.text
        session = begun.json()
        assert session["call_types"][0]["download"] == {"least": 128_000, "most": 512_000}
        path = f"{PATH}/{session['session']}"
        await sending.setRemoteDescription(RTCSessionDescription(session["answer"], "answer"))
        await receiving.setRemoteDescription(RTCSessionDescription(session["offer"], "offer"))
        await receiving.setLocalDescription(await receiving.createAnswer())
        answered = await http.post(f"{path}/answer", json={"sdp": receiving.localDescription.sdp})
        assert answered.status_code == 204, answered.text
        (video,) = [each for each in receiving.getTransceivers() if each.kind == "video"]
        picture: Any = await video.receiver.track.recv()
        assert number_in(picture.to_ndarray(format="rgb24")) < 1000
        facts: dict[str, Any] = {}
        while not (facts.get("down") and facts["up"]["arriving"]):
            facts = (await http.get(path)).json()
            await asyncio.sleep(0.05)
        assert facts["down"]["available"] > 0
        assert (await http.delete(path)).status_code == 204
        assert (await http.get(path)).status_code == 404
        # No room, no record: nobody was anywhere.
        assert len(server.rooms) == 0
        assert server.rooms.forwarders[0].load == 0
        await until(lambda: not sum(server.rooms.forwarders[0].transports_by_state.values()))
    await asyncio.gather(sending.close(), receiving.close())


async def test_a_join_token_is_needed(tmp_path: Any) -> None:
    async with serving(tmp_path) as (server, preflight), client(server) as http:
        refused = await http.post(PATH)
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
        bad = await http.post(PATH, headers={"authorization": "Bearer a.b.c"})
        assert bad.json()["code"] == "invalid_token"
        old = await http.post(PATH, headers=bearer(server, ttl=-60))
        assert old.json()["code"] == "token_expired"
        good = await http.post(PATH, headers=bearer(server))
        assert good.status_code == 201
        assert good.json()["answer"] is None
        assert len(preflight.probes) == 1


@pytest.mark.parametrize(("access", "status"), [("open", 201), ("off", 404)])
async def test_a_server_may_let_everybody_or_nobody(
    tmp_path: Any, access: str, status: int
) -> None:
    async with (
        serving(tmp_path, server={"preflight": access}) as (server, _),
        client(server) as http,
    ):
        assert (await http.post(PATH)).status_code == status


async def test_one_person_does_not_hold_all(tmp_path: Any) -> None:
    limits = {"preflight_sessions_per_person": 1}
    async with serving(tmp_path, limits=limits) as (server, preflight):
        for number, status in enumerate((201, 503)):
            async with client(server, f"203.0.113.{number}") as http:
                begun = await http.post(PATH, headers=bearer(server))
                assert begun.status_code == status, begun.text
        async with client(server) as http:
            other = await http.post(PATH, headers=bearer(server, identity="ben"))
            assert other.status_code == 201
            preflight.tick(preflight.now + 21)
            assert (await http.post(PATH, headers=bearer(server))).status_code == 201


async def test_how_many_at_once_and_how_often(tmp_path: Any) -> None:
    limits = {
        "preflight_sessions": 3,
        "preflight_sessions_per_address": 2,
        "preflights_per_minute_per_address": 4,
    }
    async with serving(tmp_path, server=OPEN, limits=limits) as (
        server,
        preflight,
    ):
        async with client(server) as one, client(server, "203.0.113.8") as other:
            codes = [(await one.post(PATH)).status_code for _ in range(5)]
            assert codes == [201, 201, 503, 503, 429]
            assert [(await other.post(PATH)).status_code for _ in range(2)] == [201, 503]
        forwarder = server.rooms.forwarders[0]
        assert forwarder.load == 3
        preflight.tick(preflight.now + 21)
        assert (len(preflight.probes), forwarder.load) == (0, 0)
        async with client(server, "203.0.113.9") as another:
            assert (await another.post(PATH)).status_code == 201


async def test_who_sends_far_more_than_asked_is_ended(tmp_path: Any) -> None:
    async with (
        serving(tmp_path, server=OPEN, limits={"preflight_bitrate": 1_000_000}) as (server, all_),
        client(server) as http,
    ):
        session = (await http.post(PATH)).json()["session"]
        all_.probes[session].loopback.rates(1, [(1_900_000, 30.0, 640, 360)])
        all_.tick(all_.now)
        assert session in all_.probes
        all_.probes[session].loopback.rates(1, [(2_100_000, 30.0, 640, 360)])
        all_.tick(all_.now)
        assert session not in all_.probes


async def test_relays_are_lent_for_as_long_as_a_check_takes(tmp_path: Any) -> None:
    turn = {"urls": ["turn:relay.example"], "secret": "shared-with-the-relay-and-nobody-else"}
    async with (
        serving(tmp_path, server=OPEN, turn=turn, limits={"preflight_timeout": 30}) as (server, _),
        client(server) as http,
    ):
        (relay,) = (await http.post(PATH)).json()["ice_servers"]
        expires = int(relay["username"].partition(":")[0])
        assert expires <= server.rooms.clock.wall() + 30


async def test_hostile_bodies_leave_nothing_behind(tmp_path: Any) -> None:
    async with serving(tmp_path, server=OPEN) as (server, preflight):
        async with client(server, "127.0.0.1") as http:
            for body in (
                b"{",
                b"[]",
                b'{"sdp": 1}',
                b'{"sdp": "\xff"}',
                b'{"sdp": null, "a": 1e999}',
            ):
                answer = await http.post(PATH, content=body)
                assert answer.status_code in (201, 422), body
            preflight.tick(preflight.now + 21)
            for sdp in (
                "",
                "v=0",
                CHROMIUM.replace("a=fingerprint", "a=nothing"),
                CHROMIUM[:900],
                CHROMIUM.replace("a=mid:", "a=mid:("),
            ):
                answer = await http.post(PATH, json={"sdp": sdp})
                assert answer.status_code == 422, sdp
            big = await http.post(PATH, json={"sdp": "v=0\r\n" + "a=x\r\n" * 50_000})
            assert big.status_code == 413
            assert not preflight.probes
            begun = (await http.post(PATH, json={"sdp": CHROMIUM})).json()
            path = f"{PATH}/{begun['session']}/answer"
            assert (await http.post(path, json={"sdp": "v=0"})).status_code == 422
            assert (
                await http.post(path, json={"sdp": answer_to(begun["offer"])})
            ).status_code == 204
            again = await http.post(path, json={"sdp": answer_to(begun["offer"])})
            assert again.json()["code"] == "no_offer"
            assert (await http.get(f"{PATH}/nobody")).status_code == 404
        forwarder = server.rooms.forwarders[0]
        preflight.tick(preflight.now + 21)
        assert sum(forwarder.transports_by_state.values()) == 0
        assert not forwarder._tracks
        assert not forwarder._egresses
