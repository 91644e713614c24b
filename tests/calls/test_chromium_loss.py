"""Chromium over a link that loses packets: NACK and RTX repair the picture, on both legs."""

import asyncio

import pytest

from tests.calls.conftest import Invite
from tests.calls.guest import Guest
from tests.calls.link import Link

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.alone]

LOSS = 0.02
SPELLS, SECONDS = 5, 8.0


async def watch_under_loss(presenter: Guest, guest: Guest, link: Link) -> dict[str, float]:
    """What the reports of both ends grew by while the link lost packets: over the first spell in
    which all was repaired, else the last. A machine that stalls for a moment freezes the picture,
    too, but it does not do so in every spell."""
    await presenter.enter()
    await presenter.publish("publishMicrophone()", "publishCamera()")
    await guest.enter()
    slot = await presenter.seat()
    await guest.view(slot, 720)
    await guest.until_height(slot, 720)
    await asyncio.sleep(1.0)
    for _ in range(SPELLS):
        before = await ends(presenter, guest, slot)
        link.loss = LOSS
        await asyncio.sleep(SECONDS)
        link.loss = 0.0
        await asyncio.sleep(0.5)
        after = await ends(presenter, guest, slot)
        grown = {field: after[field] - before[field] for field in after}
        if repaired(grown):
            break
    await guest.until_pattern(slot)
    return grown


async def ends(presenter: Guest, guest: Guest, slot: str) -> dict[str, float]:
    """What both ends of the large layer have counted so far."""
    layers = await presenter.outbound("video")
    video, audio = [await guest.inbound(slot, kind) for kind in ("video", "audio")]
    return {
        "encoded": layers[-1]["framesEncoded"],
        "resent": sum(layer["retransmittedPacketsSent"] for layer in layers),
        "decoded": video["framesDecoded"],
        "freezes": video["freezeCount"],
        "nacks": video["nackCount"],
        "plis": video["pliCount"],
        # Chromium counts a packet as lost that came back as a retransmission.
        "lost": video["packetsLost"],
        "repaired": video.get("retransmittedPacketsReceived", 0),
        "audio": audio["packetsReceived"],
    }


def repaired(grown: dict[str, float]) -> bool:
    """Whether every lost packet came back, and in time.

    Half of the frames are of the highest temporal layer, which no other frame needs: Chromium does
    not wait for one that is late, it shows the next. Of the others none may be missing: that would
    freeze the picture and bring a PLI.
    """
    return (
        grown["lost"] - grown["repaired"] <= 1
        and grown["freezes"] == grown["plis"] == 0
        and grown["decoded"] >= 0.9 * grown["encoded"]
    )


async def test_retransmission_repairs_the_receivers_link(invite: Invite, link: Link) -> None:
    presenter, guest = await invite("Anna", "presenter"), await invite("Ben", "attendee", link=link)

    grown = await watch_under_loss(presenter, guest, link)

    assert link.down.lost > 10, link.down
    assert grown["nacks"] > 0, str(grown)
    assert grown["repaired"] > 0, str(grown)
    assert repaired(grown), str(grown)


async def test_the_server_repairs_the_publishers_link(invite: Invite, link: Link) -> None:
    presenter, guest = await invite("Anna", "presenter", link=link), await invite("Ben", "attendee")

    grown = await watch_under_loss(presenter, guest, link)

    assert link.up.lost > 10, link.up
    assert grown["resent"] > 0, str(grown)
    assert repaired(grown), str(grown)
