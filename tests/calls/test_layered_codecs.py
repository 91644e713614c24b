"""VP9 and AV1 from Chromium to Chromium, in two layers, between which a view chooses."""

import asyncio

import pytest

from tests.calls.conftest import Invite
from tests.calls.guest import Guest
from tests.calls.test_webinar import tab_of

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.long]

PREFER = """(wanted) => {
    const plain = RTCRtpTransceiver.prototype.setCodecPreferences;
    RTCRtpTransceiver.prototype.setCodecPreferences = function (codecs) {
        const first = (each) => Number(each.mimeType !== wanted);
        plain.call(this, codecs.toSorted((one, other) => first(one) - first(other)));
    };
}"""
"""The page's pictures are in this codec where they may be."""
COLOURS = {"video/VP9": (208, 128, 32), "video/AV1": (48, 80, 192)}
CODEC = """sfu.receiveConnection.getStats().then((all) => probe.inbound('{}', 'video').then(
    (each) => all.get(each.codecId)?.mimeType))"""
# Without a scalability mode Chromium sends one of the layers alone.
CAMERA = """publishCamera({{track: probe.plain('rgb({})'), layers: [
    {{rid: 'q', scaleResolutionDownBy: 2, maxBitrate: 150_000, scalabilityMode: 'L1T2'}},
    {{rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 450_000, scalabilityMode: 'L1T2'}}]}})"""


async def test_layers_of_vp9_and_av1(invite: Invite) -> None:
    presenters = {codec: await invite(codec[-3:], "presenter") for codec in COLOURS}
    guest = await invite("Ben", "attendee")
    for codec, presenter in presenters.items():
        await tab_of(presenter).add_init_script(f"({PREFER})('{codec}')")
        await presenter.enter()
        await presenter.publish(CAMERA.format(" ".join(map(str, COLOURS[codec]))))
    await guest.enter()
    seats = {codec: await presenter.seat() for codec, presenter in presenters.items()}
    await asyncio.gather(*(layers(guest, slot, codec) for codec, slot in seats.items()))


async def layers(guest: Guest, slot: str, codec: str) -> None:
    """The slot shows either layer, as it is asked for."""
    await guest.until_colour(slot, COLOURS[codec])
    assert await guest.evaluate(CODEC.format(slot)) == codec
    for height in (180, 360, 180):
        await guest.view(slot, height)
        await guest.until_height(slot, height)
        await guest.until_grown(slot, "video", "framesDecoded", 10)
    await guest.until_colour(slot, COLOURS[codec])
