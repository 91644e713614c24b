"""Chromium behind a link that becomes narrow: pictures step down, sound goes on, all comes back."""

import asyncio
import math

import pytest

from tests.calls.conftest import Invite
from tests.calls.guest import Guest
from tests.calls.link import Link

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.alone]

NARROW = 250_000.0
"""bit/s: less than 360 lines take at their lowest frame rate."""
RECOVERY = 60.0
"""Seconds; the bars of the simulator are tighter, this is a busy machine."""

KEEP_EVENTS = """(() => {
    window.told = {quality: [], congestion: []};
    for (const type of Object.keys(told)) {
        sfu.addEventListener(type, (event) => told[type].push(event.detail));
    }
})()"""


async def test_a_narrow_link_costs_pictures_but_no_sound_and_nobody_else(
    invite: Invite, link: Link
) -> None:
    presenter = await invite("Anna", "presenter")
    slow, fast = await invite("Ben", "attendee", link=link), await invite("Cleo", "attendee")
    await presenter.enter()
    await presenter.publish("publishMicrophone()", "publishCamera()")
    for guest in (slow, fast):
        await guest.enter()
    slot = await presenter.seat()
    for guest in (slow, fast):
        await guest.view(slot, 720)
        await guest.until(height_of(slot), 720, patience=RECOVERY)
    await slow.evaluate(KEEP_EVENTS)
    before = await slow.inbound(slot, "audio")

    link.down.rate = NARROW
    await slow.until_height(slot, 180)
    await slow.until_grown(slot, "video", "framesDecoded", 15)
    reasons = f"told.quality.flatMap((each) => each.slots?.['{slot}']?.reason ?? []).at(-1)"
    await slow.until(reasons, "link")
    await slow.until("told.congestion.at(-1)?.available < told.congestion.at(-1)?.wanted", True)
    assert (await fast.inbound(slot, "video"))["frameHeight"] == 720
    assert await lost_sound(slow, slot, before) < 0.15, "what stood in the queue at the fall"

    link.down.rate = math.inf
    await slow.until(height_of(slot), 720, patience=RECOVERY)
    all_fits = "told.congestion.at(-1).available >= told.congestion.at(-1).wanted"
    await slow.until(all_fits, True, patience=RECOVERY)
    await asyncio.sleep(1.0)
    await slow.until(reasons, "full")


def height_of(slot: str) -> str:
    """What a page says of a slot's picture."""
    return f"probe.inbound('{slot}', 'video').then((each) => each?.frameHeight)"


async def lost_sound(guest: Guest, slot: str, before: dict[str, float]) -> float:
    """The part of sound that was made up since."""
    after = await guest.inbound(slot, "audio")
    heard = after["totalSamplesReceived"] - before["totalSamplesReceived"]
    return float((after["concealedSamples"] - before["concealedSamples"]) / max(heard, 1))
