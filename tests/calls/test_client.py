"""What the browser client does by itself: other devices, tabs that nobody sees, presets."""

import pytest

from tests.calls.conftest import Invite
from tests.calls.guest import Guest

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNPLUGGED = """(source) => {
    const track = sfu.track(source);
    track.stop();
    track.dispatchEvent(new Event('ended'));
}"""
"""What a browser does when a device is pulled out; the fake ones cannot be."""

SEEN = """(state) => {
    Object.defineProperty(document, 'visibilityState', {get: () => state, configurable: true});
    document.dispatchEvent(new Event('visibilitychange'));
}"""


async def remember(guest: Guest, *types: str) -> None:
    """Keeps events of these types in the page, in `heard`."""
    await guest.evaluate(
        f"""window.heard = {{}}, {list(types)}.forEach((type) => {{
            heard[type] = [];
            sfu.on(type, (detail) => heard[type].push(detail));
        }}), null"""
    )


async def test_a_device_that_is_pulled_out_is_replaced(invite: Invite) -> None:
    anna, ben = await invite("Anna", "presenter"), await invite("Ben", "attendee")
    await anna.enter(publish="camera,microphone")
    await ben.enter()
    slot = await anna.seat()
    await ben.until_grown(slot, "audio", "totalAudioEnergy", 1e-5)
    await remember(anna, "device", "devices")
    before = await anna.evaluate("window.offers = sfu.publishConnection.localDescription.sdp")
    for source in ("microphone", "camera"):
        await anna.evaluate(f"({UNPLUGGED})('{source}')")
    await anna.until("heard.device.map((each) => each.source + each.reason).sort()",
                     ["cameraunplugged", "microphoneunplugged"])  # fmt: skip
    await anna.evaluate("navigator.mediaDevices.dispatchEvent(new Event('devicechange'))")
    await anna.until("heard.devices.length && heard.devices[0].microphones.length > 0", True)
    await ben.until_grown(slot, "audio", "totalAudioEnergy", 1e-5)
    await ben.until_pattern(slot)
    cameras = await anna.evaluate("sfu.devices().then(({cameras}) => cameras.at(-1).deviceId)")
    await anna.evaluate(f"sfu.useDevice('camera', '{cameras}')")
    assert await anna.evaluate("heard.device.at(-1).reason") == "chosen"
    assert await anna.evaluate("sfu.publishConnection.localDescription.sdp") == before
    # Without any other device the source ends.
    await anna.evaluate(
        "(navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error('none')), null)"
    )
    await anna.evaluate(f"({UNPLUGGED})('microphone')")
    await anna.until("sfu.sources", ["camera"])


async def test_a_hidden_tab_keeps_sound_and_pauses_pictures(invite: Invite) -> None:
    anna, ben = await invite("Anna", "presenter"), await invite("Ben", "attendee")
    await anna.enter(publish="camera,microphone")
    await ben.enter()
    slot = await anna.seat()
    await ben.view(slot, 180)
    await ben.until_height(slot, 180)
    await ben.evaluate(f"({SEEN})('hidden')")
    await ben.until_resting(slot, "video")
    await ben.until_grown(slot, "audio", "totalAudioEnergy", 1e-5)
    # What the page says meanwhile counts when it is seen again.
    await ben.view(slot, 360)
    await ben.until_resting(slot, "video")
    await ben.evaluate(f"({SEEN})('visible')")
    await ben.until_height(slot, 360)
    await ben.until(f"sfu.quality.get('{slot}').height", 360)


async def test_a_screen_in_layers(invite: Invite) -> None:
    anna, ben = await invite("Anna", "presenter"), await invite("Ben", "attendee")
    await anna.enter()
    await ben.enter()
    await anna.publish("publishScreen({simulcast: true})")
    await anna.until(
        "probe.outbound('video').then((all) => all.map(({rid}) => rid).sort())", ["f", "q"]
    )
    # As it is encoded: the track may tell the size of the window before the first picture.
    full = await anna.until(
        """probe.outbound('video').then((all) => all.every(({frameHeight}) => frameHeight > 0)
            && Math.max(...all.map(({frameHeight}) => frameHeight)))""",
        bool,
    )
    await ben.view("screen", full // 2)
    await ben.until_height("screen", full // 2)
    await ben.view("screen", full)
    await ben.until_height("screen", full)
