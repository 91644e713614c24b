"""A call as in production: over TLS, with signed tokens, on a server that is asked to stop in the
middle of it."""

import asyncio
import signal
import time
from collections.abc import Iterator

import httpx
import pytest

from sfu.participant import Role
from sfu.signaling.tokens import mint
from tests.calls.conftest import Invite
from tests.calls.daemon import ProductionDaemon
from tests.calls.guest import Guest

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.long]

TENANT, SECRET = "shop", "a-secret-of-the-shop-of-32-bytes-and-more"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProductionDaemon]:
    """Without what `--dev` gives: its address, its tenant, open rooms."""
    announced = '["127.0.0.1"]'
    daemon = ProductionDaemon(
        tmp_path_factory.mktemp("production"), TENANT, SECRET,
        SFU_MEDIA__ANNOUNCED_ADDRESSES=announced,
    )  # fmt: skip
    daemon.start()
    yield daemon
    daemon.finish()


def create_room(daemon: ProductionDaemon, room: str) -> None:
    """As the tenant's backend does over REST."""
    headers = {"Authorization": f"Bearer {TENANT}:{SECRET}"}
    assert daemon.trusted is not None
    httpx.post(
        f"{daemon.url}/v1/rooms", headers=headers, json={"room": room}, verify=daemon.trusted
    ).raise_for_status()


async def enter(guest: Guest, secret: str = SECRET) -> str:
    """Comes in by the client that the server gives to everybody, from a page that is not the demo;
    gives the answer's status, or the code of a refusal."""
    await guest.page.goto(f"{guest.url}/preflight")
    token = mint(
        secret, tenant=TENANT, room=guest.room, identity=guest.name.lower(), name=guest.name,
        role=Role(guest.role), now=time.time(), ttl=600,
    )  # fmt: skip
    status: str = await guest.evaluate(
        f"""(async () => {{
            const {{SfuClient}} = await import('/static/sfu-client.js');
            window.sfu = new SfuClient();
            sfu.on('stream', ({{slot, stream: srcObject}}) => {{
                const tile = document.body.appendChild(document.createElement('div'));
                tile.dataset.slot = slot;
                const video = tile.appendChild(document.createElement('video'));
                Object.assign(video, {{srcObject, autoplay: true}});
            }});
            window.told = [];
            sfu.on('draining', ({{seconds}}) => told.push(seconds));
            await sfu.connect('{guest.url.replace("http", "ws")}/v1/signal');
            return sfu.join({{room: '{guest.room}', token: '{token}'}}).then(
                ({{status}}) => status, ({{code}}) => code);
        }})()"""
    )
    return status


async def test_a_server_that_is_to_stop_lets_the_call_go_on(
    invite: Invite, daemon: ProductionDaemon
) -> None:
    anna, ben = await invite("Anna", "presenter"), await invite("Ben", "attendee")
    stranger = await invite("Mallory", "presenter")
    assert daemon.url.startswith("https:")
    assert await enter(anna) == "room_not_found"
    create_room(daemon, anna.room)
    for guest in (anna, ben):
        assert await enter(guest) == "admitted"
        await guest.until("sfu.state.receive", "connected")
        if guest is anna:
            await anna.evaluate("sfu.start()")
    assert await enter(stranger, "f" * 40) == "invalid_token"
    await anna.publish("publishMicrophone()", "publishCamera({track: probe.plain('#d08020')})")
    slot = await anna.seat()
    await ben.until_colour(slot, (208, 128, 32))
    await ben.until_grown(slot, "audio", "totalAudioEnergy", 1e-4)

    daemon.signal(signal.SIGTERM)
    for guest in (anna, ben):
        await guest.until("told", [600])
    assert await enter(stranger) == "draining"
    await ben.until_grown(slot, "video", "framesDecoded", 15)
    await ben.until_grown(slot, "audio", "totalAudioEnergy", 1e-4)
    await anna.evaluate("sfu.mute('camera', true)")
    await ben.until(f"sfu.slots.get('{slot}').camera", False)

    await ben.evaluate("sfu.leave()")
    await anna.until("sfu.room.counts.attendee ?? 0", 0)
    assert daemon.runs
    await anna.evaluate("sfu.leave()")
    assert await asyncio.to_thread(daemon.wait) == 0
    assert daemon.trouble() == []
