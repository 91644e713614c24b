"""Who speaks, by the levels of real microphones, and who is shown best for it."""

import pytest

from tests.calls.conftest import Invite
from tests.calls.guest import Guest
from tests.calls.test_webinar import id_of

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.long]

DEAR = """publishCamera({track: probe.noise(), layers: [
    {rid: 'q', scaleResolutionDownBy: 2, maxBitrate: 100_000},
    {rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 1_740_000}]})"""
"""A camera of which two are more than the room's budget grants to anybody."""
LOUD, LOW = 0.5, 0.05

LISTEN = """(() => {
    window.speakers = [];
    sfu.on('speaker', ({participant}) => speakers.push(participant));
    window.pictures = {};
    sfu.on('quality', ({slots}) => Object.assign(pictures, slots));
})()"""
REASONS = "[pictures['{}']?.reason, pictures['{}']?.reason]"
"""Why the pictures of two slots are no better."""


async def test_the_louder_is_the_speaker_and_shown_best(invite: Invite) -> None:
    anna, ben = await invite("Anna", "presenter"), await invite("Ben", "presenter")
    chiara = await invite("Chiara", "attendee")
    for guest in (anna, ben):
        await guest.enter()
        await guest.publish("publishMicrophone({track: probe.tone()})", DEAR)
        # What they see would only cost time.
        await guest.evaluate("sfu.view({slots: {'seat-0': 'off', 'seat-1': 'off'}})")
    await chiara.enter()
    await chiara.evaluate(LISTEN)
    await chiara.evaluate("sfu.view({auto_speaker: true})")
    first, second = await id_of(anna), await id_of(ben)
    pair = REASONS.format(await anna.seat(), await ben.seat())
    await chiara.evaluate("document.querySelector('input[value=presenter][name=layout]').click()")

    for guest, id, best in (
        (anna, first, ["full", "budget"]),
        (ben, second, ["budget", "full"]),
    ):
        # The one who speaks on is outshouted.
        await guest.evaluate(f"probe.speak({LOUD})")
        await chiara.until("speakers.at(-1)", id)
        await chiara.until(pair, best)
        await large(chiara, await guest.seat())
        await guest.evaluate(f"probe.speak({LOW})")

    # A pin holds, whoever speaks; and whoever does not follow the speaker has their own order.
    preferred = f"slots: {{'{await anna.seat()}': {{priority: 20}}}}"
    for view, best in (
        (f"pin: '{first}'", ["full", "budget"]),
        (f"pin: null, {preferred}", ["budget", "full"]),
        ("auto_speaker: false", ["full", "budget"]),
    ):
        await chiara.evaluate(f"sfu.view({{{view}}})")
        await chiara.until(pair, best)

    # The bare request: the client's own mute() would also silence the track.
    await ben.evaluate("sfu.request('mute', {source: 'microphone', muted: true})")
    await chiara.until("speakers.at(-1)", first)
    await ben.evaluate("probe.speak(1)")
    await chiara.until_grown(await anna.seat(), "audio", "packetsReceived", 75)
    assert await chiara.evaluate("speakers") == [first, second, None, first]


async def large(guest: Guest, slot: str) -> None:
    """Waits until the page shows this slot large."""
    await guest.until("document.querySelector('#spotlight [data-slot]')?.dataset.slot", slot)
