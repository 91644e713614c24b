"""Chromium over a link that loses packets: NACK and RTX repair the picture, on both legs."""

import asyncio

import pytest

from tests.calls.conftest import Invite
from tests.calls.guest import Guest
from tests.calls.link import Link

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOSS = 0.02
SECONDS = 8.0


async def watch_under_loss(guest: Guest, slot: str, link: Link) -> tuple[dict[str, float], float]:
    """What the slot's report grew by while the link lost packets, and the lost share."""
    await guest.view(slot, 720)
    await guest.until_height(slot, 720)
    await asyncio.sleep(1.0)
    before = await guest.inbound(slot, "video")
    link.loss = LOSS
    await asyncio.sleep(SECONDS)
    link.loss = 0.0
    await asyncio.sleep(0.5)
    after = await guest.inbound(slot, "video")
    fields = (
        "framesDecoded", "freezeCount", "nackCount", "packetsLost", "packetsReceived", "pliCount",
        "retransmittedPacketsReceived",
    )  # fmt: skip
    grown = {field: after.get(field, 0) - before.get(field, 0) for field in fields}
    lost = link.down.lost + link.up.lost
    return grown, lost / (lost + link.down.passed + link.up.passed)


async def test_retransmission_repairs_the_receivers_link(invite: Invite, link: Link) -> None:
    presenter, guest = await invite("Anna", "presenter"), await invite("Ben", "attendee", link=link)
    await presenter.enter()
    await presenter.publish("publishMicrophone()", "publishCamera()")
    await guest.enter()
    slot = await presenter.seat()

    grown, share = await watch_under_loss(guest, slot, link)

    assert link.down.lost > 10, (link.down, share)
    assert grown["nackCount"] > 0, grown
    assert grown["retransmittedPacketsReceived"] > 0, grown
    assert grown["freezeCount"] == 0, grown
    assert grown["framesDecoded"] > 0.9 * 30 * SECONDS, grown
    # What is lost after repair: retransmissions get lost too, but are asked for again.
    assert grown["packetsLost"] <= 0.002 * grown["packetsReceived"], grown
    await guest.until_pattern(slot)


async def test_the_server_repairs_the_publishers_link(invite: Invite, link: Link) -> None:
    presenter, guest = await invite("Anna", "presenter", link=link), await invite("Ben", "attendee")
    await presenter.enter()
    await presenter.publish("publishMicrophone()", "publishCamera()")
    await guest.enter()
    slot = await presenter.seat()

    grown, share = await watch_under_loss(guest, slot, link)

    assert link.up.lost > 10, (link.up, share)
    layers = await presenter.outbound("video")
    assert sum(layer["nackCount"] for layer in layers) > 0, layers
    assert sum(layer["retransmittedPacketsSent"] for layer in layers) > 0, layers
    assert grown["freezeCount"] == 0, grown
    assert grown["framesDecoded"] > 0.9 * 30 * SECONDS, grown
    assert grown["packetsLost"] <= 0.002 * grown["packetsReceived"], grown
    await guest.until_pattern(slot)
