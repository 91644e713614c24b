"""Chromium through the daemon: one publishes, others see and hear it."""

import pytest

from tests.calls.conftest import Invite
from tests.calls.guest import Guest, Json, shows_pattern

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.long]

LAYERS = {180: 320, 360: 640, 720: 1280}
"""Height to width of the camera's three layers."""
FINDING_OUT = 60.0
"""Seconds in which Chromium has found out what it may send, however busy the machine."""


async def test_picture_and_sound_in_all_three_layers(invite: Invite) -> None:
    presenter = await invite("Anna", "presenter")
    guests = [await invite(name, "attendee") for name in ("Ben", "Chiara", "Daniel")]
    await presenter.enter()
    # Here, and only here, Chromium must find out by the server's feedback what the network carries.
    await presenter.evaluate("probe.honest()")
    await presenter.publish("publishMicrophone()", "publishCamera()")
    for guest in guests:
        await guest.enter()
    slot = await presenter.seat()

    for guest, height in zip(guests, LAYERS, strict=True):
        await guest.view(slot, height)
    for guest, (height, width) in zip(guests, LAYERS.items(), strict=True):
        await guest.until_height(slot, height, FINDING_OUT)
        await guest.until_grown(slot, "video", "framesDecoded", 15)
        await guest.until_grown(slot, "audio", "totalAudioEnergy", 1e-4)
        picture = await until_size(guest, slot, (width, height))

    number = picture["number"]
    await guests[-1].until(f"probe.picture('{slot}').number", lambda now: now != number)


async def until_size(guest: Guest, slot: str, size: tuple[int, int]) -> Json:
    """Waits until the tile shows the camera's pattern in this size; on a busy machine the layer may
    be gone again for a moment."""
    return await guest.until(
        f"probe.picture('{slot}')",
        lambda seen: shows_pattern(seen) and (seen["width"], seen["height"]) == size,
        FINDING_OUT,
    )


async def test_the_server_enforces_mute(invite: Invite) -> None:
    presenter, guest = await invite("Anna", "presenter"), await invite("Ben", "attendee")
    await presenter.enter()
    await presenter.publish("publishMicrophone()", "publishCamera()")
    await guest.enter()
    slot = await presenter.seat()
    for source, kind in (("microphone", "audio"), ("camera", "video")):
        await guest.until_grown(slot, kind, "packetsReceived", 20)
        # The bare request: the client's own mute() would also silence the track.
        mute = f"sfu.request('mute', {{source: '{source}', muted: %s}})"
        await presenter.evaluate(mute % "true")
        await guest.until(f"sfu.slots.get('{slot}').{source}", False)
        sent = (await presenter.outbound(kind))[-1]["packetsSent"]
        await guest.until_resting(slot, kind)
        assert (await presenter.outbound(kind))[-1]["packetsSent"] > sent + 20
        await presenter.evaluate(mute % "false")
        await guest.until(f"sfu.slots.get('{slot}').{source}", True)
        await guest.until_grown(slot, kind, "packetsReceived", 20)
    await guest.until_pattern(slot)


async def test_a_reload_rejoins(invite: Invite) -> None:
    presenter, guest = await invite("Anna", "presenter"), await invite("Ben", "attendee")
    await presenter.enter(publish="camera,microphone")
    await guest.enter()
    await guest.until_pattern(await presenter.seat())

    await guest.enter()
    await guest.until_pattern(await presenter.seat())

    await presenter.enter(publish="camera,microphone")
    slot = await presenter.seat()
    await guest.until(f"sfu.slots.get('{slot}')?.camera", True)
    await guest.until_pattern(slot)
    people = "Object.values(sfu.room.counts).reduce((sum, count) => sum + count, 0)"
    await guest.until(people, 2)


async def test_a_screen_arrives_on_its_slot(invite: Invite) -> None:
    presenter, guest = await invite("Anna", "presenter"), await invite("Ben", "attendee")
    await presenter.enter()
    await guest.enter()
    await presenter.publish("publishScreen()")
    await guest.until("sfu.slots.get('screen')?.screen", True)
    await guest.until_grown("screen", "video", "framesDecoded", 10)
    sent = (await presenter.outbound("video"))[-1]["frameHeight"]
    await guest.until_height("screen", sent)
    assert await guest.evaluate("document.querySelector('#stage').dataset.layout") == "spotlight"

    await presenter.evaluate("sfu.unpublish('screen')")
    await guest.until("sfu.slots.get('screen')", None)
    await guest.until_resting("screen", "video")


async def test_the_sound_of_a_screen_is_heard(invite: Invite) -> None:
    presenter, guest = await invite("Anna", "presenter"), await invite("Ben", "attendee")
    await presenter.enter()
    await guest.enter()
    # A tab with its sound, as the browser's own dialog would give it.
    await presenter.evaluate(
        """navigator.mediaDevices.getDisplayMedia = async ({audio}) =>
            new MediaStream([probe.plain('#d08020'), ...audio ? [probe.tone()] : []]), null"""
    )
    await presenter.publish("publishScreen()")
    await guest.until("sfu.slots.get('screen')?.screen_audio", True)
    assert (await guest.inbound("screen", "audio")).get("totalAudioEnergy", 0) < 1e-6
    await presenter.evaluate("probe.speak(0.5)")
    await guest.until_grown("screen", "audio", "totalAudioEnergy", 1e-2)
    assert await guest.evaluate("document.querySelector('[data-slot=screen] video').muted") is False
    await guest.until_colour("screen", (208, 128, 32))

    await presenter.evaluate("sfu.mute('screen_audio', true)")
    await guest.until("sfu.slots.get('screen').screen_audio", False)
    await guest.until_resting("screen", "audio")
    await presenter.evaluate("sfu.mute('screen_audio', false)")
    await guest.until_grown("screen", "audio", "totalAudioEnergy", 1e-2)
    await presenter.evaluate("sfu.unpublish('screen')")
    await guest.until("sfu.slots.get('screen')", None)
    await guest.until_resting("screen", "audio")


async def test_h264_simulcast(invite: Invite) -> None:
    presenter, guest = await invite("Anna", "presenter"), await invite("Ben", "attendee")
    await presenter.enter()
    await presenter.publish("publishCamera({codec: 'h264'})")
    await guest.enter()
    slot = await presenter.seat()
    for height in LAYERS:
        await guest.view(slot, height)
        await guest.until_height(slot, height)
        await guest.until_pattern(slot)
    codec = (await guest.inbound(slot, "video"))["codecId"]
    kind = f"sfu.receiveConnection.getStats().then((all) => all.get('{codec}').mimeType)"
    assert await guest.evaluate(kind) == "video/H264"


async def test_camera_off_and_on_again(invite: Invite) -> None:
    presenter, guest = await invite("Anna", "presenter"), await invite("Ben", "attendee")
    await presenter.enter()
    await presenter.publish("publishCamera()")
    await guest.enter()
    slot = await presenter.seat()
    await guest.view(slot, 720)
    await guest.until_height(slot, 720)
    ssrc = (await guest.inbound(slot, "video"))["ssrc"]
    # Twice: the second time the browser takes it that its SSRCs are known.
    for _ in range(2):
        await presenter.evaluate("sfu.unpublish('camera')")
        await guest.until(f"sfu.slots.get('{slot}').camera", False)
        # Another source between: its offer carries the camera's m-line as inactive.
        await presenter.publish("publishMicrophone()", "publishCamera()")
        await guest.until(f"sfu.slots.get('{slot}').camera", True)
        await guest.until_grown(slot, "video", "framesDecoded", 22)
        await guest.until_height(slot, 720)
        await guest.until_pattern(slot)
        assert (await guest.inbound(slot, "video"))["ssrc"] == ssrc


async def test_a_seat_changes_hands_without_a_new_offer(invite: Invite) -> None:
    first, second = await invite("Anna", "presenter"), await invite("Ben", "presenter")
    guest = await invite("Chiara", "attendee")
    await first.enter()
    await first.publish("publishCamera({track: probe.plain('#d08020')})")
    await guest.enter()
    slot = await first.seat()
    await guest.until_colour(slot, (208, 128, 32))
    before = await negotiated(guest)

    await first.evaluate("sfu.leave()")
    await guest.until(f"sfu.slots.get('{slot}')", None)
    await second.enter()
    assert await second.seat() == slot
    await second.publish("publishCamera({track: probe.plain('#3050c0')})")
    await guest.until_colour(slot, (48, 80, 192))
    assert await negotiated(guest) == before


async def negotiated(guest: Guest) -> Json:
    """The receiving connection's description, and the SSRC of the first seat's video."""
    sdp = await guest.evaluate("sfu.receiveConnection.remoteDescription.sdp")
    return sdp, (await guest.inbound("seat-0", "video")).get("ssrc")
