"""Chromium behind a link that becomes narrow: pictures step down, sound goes on, all comes back."""

import asyncio
import math

import pytest

from tests.calls.conftest import Invite
from tests.calls.daemon import Daemon
from tests.calls.guest import Guest
from tests.calls.link import Link
from tests.calls.records import record_of

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.alone]

NARROW = 250_000.0
"""bit/s: less than 360 lines take at their lowest frame rate."""
RECOVERY = 60.0
"""Seconds; the bars of the simulator are tighter, this is a busy machine."""

STILL = """probe.inbound('{slot}', 'video').then(
    (each) => each.totalFreezesDuration + each.totalPausesDuration)"""
"""Seconds; what lasts for more than five of them is no freeze to webrtc-stats, but a pause."""
HALTED = 1.5
HALT = f"""(async () => {{
    const senders = sfu.publishConnection.getSenders();
    const sender = senders.find(({{ track }}) => track?.kind === 'video');
    const {{ track }} = sender;
    await sender.replaceTrack(null);
    await new Promise((done) => setTimeout(done, {1000 * HALTED}));
    await sender.replaceTrack(track);
}})()"""
TOLERANCE = 0.5
REPORTED = 1.0
"""Seconds in which the server has a receiver's reports, and with them what has stood still."""

KEEP_EVENTS = """(() => {
    window.told = {quality: [], congestion: []};
    for (const type of Object.keys(told)) {
        sfu.addEventListener(type, (event) => told[type].push(event.detail));
    }
})()"""


async def test_a_narrow_link_costs_pictures_but_no_sound_and_nobody_else(
    invite: Invite, daemon: Daemon, link: Link
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
    await compare(slow, presenter, daemon, slot)


async def compare(guest: Guest, publisher: Guest, daemon: Daemon, slot: str) -> None:
    """What stood still, as the browser saw it and as the usage record has it.

    Of the path the server sees what it holds back itself, and not what is lost on the way. What the
    publisher does not send both see.
    """
    path = await guest.evaluate(STILL.format(slot=slot))
    await publisher.evaluate(HALT)
    # A receiver may shorten the pause itself, by showing what came before it late.
    await guest.until(STILL.format(slot=slot), lambda now: now >= path + HALTED - TOLERANCE)
    whole = await guest.evaluate(STILL.format(slot=slot))
    await asyncio.sleep(REPORTED)
    participant = await guest.evaluate("sfu.participant.id")
    await guest.evaluate("sfu.leave()")
    freezes = (await record_of(daemon, participant))["freezes"]
    print(f"stood still for {path:.2f} s, and by the publisher to {whole:.2f} s:", freezes)
    held = freezes["link"]["seconds"] + freezes["keyframe"]["seconds"]
    assert held <= path + TOLERANCE
    assert freezes["publisher"]["count"] >= 1
    assert abs(freezes["publisher"]["seconds"] - (whole - path)) <= TOLERANCE


def height_of(slot: str) -> str:
    """What a page says of a slot's picture."""
    return f"probe.inbound('{slot}', 'video').then((each) => each?.frameHeight)"


async def lost_sound(guest: Guest, slot: str, before: dict[str, float]) -> float:
    """The part of sound that was made up since."""
    after = await guest.inbound(slot, "audio")
    heard = after["totalSamplesReceived"] - before["totalSamplesReceived"]
    return float((after["concealedSamples"] - before["concealedSamples"]) / max(heard, 1))
