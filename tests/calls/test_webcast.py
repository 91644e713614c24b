"""A webcast in Chromium: viewers see and hear unseen, until a presenter promotes them."""

import time

import pytest

from sfu.participant import Role
from sfu.signaling.tokens import mint
from tests.calls.conftest import Invite
from tests.calls.daemon import Daemon
from tests.calls.guest import Guest
from tests.calls.test_webinar import connections, count_offers, create_room, id_of, plain

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.long]

DEV = "dev-secret-do-not-use-in-production"
ORANGE, BLUE = (208, 128, 32), (48, 80, 192)

NAMES = "[...sfu.participants.values()].map(({name}) => name).toSorted()"
REFUSAL = "sfu.publishMicrophone().then(() => 'published', ({code}) => code)"


def viewer_token(room: str, name: str) -> str:
    """The page has no button for this role: an invitation says it."""
    return mint(
        DEV, tenant="dev", room=room, identity=name.lower(), name=name, role=Role.VIEWER,
        now=time.time(), ttl=600,
    )  # fmt: skip


async def test_a_viewer_watches_and_is_promoted(invite: Invite, daemon: Daemon) -> None:
    host, attendee = await invite("Anna", "organizer"), await invite("Ben", "attendee")
    viewer = await invite("Vera", "viewer")
    create_room(daemon, room=host.room, kind="webcast")
    await host.enter()
    await host.evaluate("sfu.start()")
    await host.publish("publishMicrophone()", plain(ORANGE))
    await attendee.enter()
    await viewer.enter(token=viewer_token(viewer.room, viewer.name))
    assert await viewer.evaluate("sfu.participant.role") == "viewer"
    slot = await host.seat()
    await viewer.until_colour(slot, ORANGE)
    await viewer.until_grown(slot, "audio", "totalAudioEnergy", 1e-4)
    await count_offers(viewer)
    before = await connections(viewer)

    # Those who may know of everybody know how many watch, and not who.
    for guest in (host, attendee):
        await guest.until("sfu.room.counts.viewer", 1)
        assert "Vera" not in await guest.evaluate(NAMES)
    assert "Ben" in await host.evaluate(NAMES)
    assert await viewer.evaluate(REFUSAL) == "not_allowed"
    assert await viewer.evaluate("sfu.sources") == []

    veras = await id_of(viewer)
    await host.evaluate(f"sfu.promote('{veras}')")
    await viewer.until("sfu.participant.role", "attendee")
    await host.until(NAMES, ["Anna", "Ben", "Vera"])
    assert await viewer.evaluate(REFUSAL) == "not_allowed", "without a seat"
    await host.evaluate(f"sfu.grantSeat('{veras}')")
    await viewer.until("sfu.mayPublish", True)
    await viewer.publish("publishMicrophone()", plain(BLUE))
    own = await viewer.seat()
    for guest in (host, attendee):
        await guest.until_colour(own, BLUE)
        await guest.until_grown(own, "audio", "totalAudioEnergy", 1e-4)
    assert await connections(viewer) == before
    await seen_on(viewer, slot)


async def seen_on(guest: Guest, slot: str) -> None:
    """Picture and sound of before go on."""
    await guest.until_grown(slot, "video", "framesDecoded", 10)
    await guest.until_grown(slot, "audio", "packetsReceived", 20)
