"""Chromium stops encoding the layers that nobody watches, and starts again when somebody does."""

import pytest

from sfu.watched import UNWATCHED_AFTER
from tests.calls.conftest import Invite
from tests.calls.guest import Guest

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.long]

FINDING_OUT = 60.0
"""Seconds in which the server has found out what a path carries, however slow the machine."""

ACTIVE = """sfu.publishConnection.getSenders().find(({track}) => track?.kind === 'video')
    .getParameters().encodings.map(({active}) => active)"""


async def test_what_nobody_watches_is_not_sent(invite: Invite) -> None:
    presenter, guest = await invite("Anna", "presenter"), await invite("Ben", "attendee")
    await presenter.enter()
    await presenter.publish("publishCamera()")
    await guest.enter()
    slot = await presenter.seat()
    await guest.view(slot, 720)
    await guest.until_height(slot, 720, FINDING_OUT)
    await guest.view(slot, 180)
    await guest.until_height(slot, 180)
    await presenter.until(ACTIVE, [True, False, False], UNWATCHED_AFTER + 10)
    await resting(presenter)
    await guest.until_grown(slot, "video", "framesDecoded", 15)
    await guest.view(slot, 720)
    await guest.until_height(slot, 720)
    await guest.until_grown(slot, "video", "framesDecoded", 15)
    assert (await presenter.evaluate(ACTIVE))[2]


async def resting(presenter: Guest) -> None:
    """Waits until no layer but the lowest is encoded."""
    encoded = """probe.outbound('video').then((all) => Object.fromEntries(
        all.map(({rid, framesEncoded}) => [rid, framesEncoded])))"""
    before = await presenter.evaluate(encoded)
    lowest = "probe.outbound('video').then((all) => all.find(({rid}) => rid === 'q').framesEncoded)"
    await presenter.until(lowest, lambda now: now >= before["q"] + 15)
    after = await presenter.evaluate(encoded)
    # A picture that was under way when it was switched off is still counted.
    assert [after[rid] - before[rid] <= 2 for rid in ("h", "f")] == [True, True], (before, after)
