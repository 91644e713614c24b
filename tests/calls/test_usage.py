"""Usage records of a call with browsers: bytes to the last moment, and how good it was."""

import asyncio
import json
import urllib.request
from typing import Any

import pytest

from tests.calls.conftest import Invite
from tests.calls.daemon import Daemon
from tests.calls.guest import Guest

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_bytes_are_current_and_the_call_was_good(
    invite: Invite, daemon: Daemon, room: str
) -> None:
    presenter, guest = await invite("Anna", "presenter"), await invite("Ben", "attendee")
    await presenter.enter()
    await presenter.publish("publishMicrophone()", "publishCamera()")
    await guest.enter()
    slot = await presenter.seat()
    await guest.until_height(slot, 720)
    await guest.until_grown(slot, "video", "framesDecoded", 75)
    identity = await guest.evaluate("sfu.participant.identity")
    media, everything = await received(guest)
    await guest.evaluate("sfu.leave()")
    record = await usage(daemon, room, identity)
    assert record["reason"] == "left"
    # More than the streams had by then; no more than all that came, and what was on its way.
    assert media <= record["bytes_sent"] <= everything + 500_000
    assert record["bytes_received"] == 0
    assert 3.0 <= record["quality"] <= 5.0


async def received(guest: Guest) -> tuple[int, int]:
    """Bytes of media with their headers, and of everything that came."""
    first, second = await guest.evaluate("""sfu.receiveConnection.getStats().then((all) => {
        const entries = [...all.values()];
        const streams = entries.filter(({type}) => type === 'inbound-rtp');
        const media = streams.map((each) => each.bytesReceived + each.headerBytesReceived);
        const transport = entries.find(({type}) => type === 'transport');
        return [media.reduce((sum, each) => sum + each, 0), transport.bytesReceived];
    })""")
    return first, second


async def usage(daemon: Daemon, room: str, identity: str) -> dict[str, Any]:
    """The record of somebody's stay, once it is there."""
    for _ in range(50):
        for item in await asyncio.to_thread(records, daemon):
            if (item["room"], item.get("identity")) == (room, identity):
                return item
        await asyncio.sleep(0.1)
    raise AssertionError("no usage record")


def records(daemon: Daemon) -> list[dict[str, Any]]:
    """All there are."""
    request = urllib.request.Request(
        f"{daemon.url}/v1/usage?limit=1000",
        headers={"Authorization": "Bearer dev:dev-secret-do-not-use-in-production"},
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        items: list[dict[str, Any]] = json.load(answer)["items"]
    return items
