"""A path that carries nothing any more is given up, and another connection takes its place."""

import pytest

from tests.calls.conftest import Invite
from tests.calls.link import Link

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.long]

CONSENT = 45.0
"""Seconds within which a path that carries nothing is given up (RFC 7675 §5.1: 30)."""


async def test_a_lost_path_is_built_anew(invite: Invite, link: Link) -> None:
    presenter, guest = await invite("Anna", "presenter", link=link), await invite("Ben", "attendee")
    await presenter.enter()
    await presenter.publish("publishMicrophone()", "publishCamera()")
    await presenter.evaluate("sfu.mute('microphone', true)")
    await guest.enter()
    slot = await presenter.seat()
    await guest.until_pattern(slot)
    await presenter.evaluate(
        "window.lost = [],"
        " sfu.addEventListener('connection', (event) => lost.push(event.detail.connection))"
    )

    link.loss = 1.0
    await presenter.until("lost.toSorted().join()", "publish,receive", patience=CONSENT)
    link.loss = 0.0

    await guest.until(f"sfu.slots.get('{slot}')?.camera", True)
    await guest.until_grown(slot, "video", "framesDecoded", 15)
    await guest.until_pattern(slot)
    await presenter.until("sfu.state.publish + sfu.state.receive", "connectedconnected")
    assert await guest.evaluate(f"sfu.slots.get('{slot}').microphone") is False
