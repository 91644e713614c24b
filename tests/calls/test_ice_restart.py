"""The network of two people changes in the middle of a call: the picture comes back by itself."""

import asyncio

import pytest

from tests.calls.conftest import Invite
from tests.calls.link import Link
from tests.calls.test_resume import held_on

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_changed_network_heals_without_leaving_the_room(invite: Invite, link: Link) -> None:
    anna = await held_on(invite, "Anna", "presenter", link)
    ben = await held_on(invite, "Ben", "attendee", link)
    await anna.enter(publish="camera")
    await ben.enter()
    slot = await anna.seat()
    await ben.until_grown(slot, "video", "framesDecoded", 10)
    same = "[sfu.participant.id, sfu.publishConnection, sfu.receiveConnection]"
    for guest in (anna, ben):
        await guest.evaluate(f"window.before = {same}, null")
    cut = link.cut()
    assert cut >= 3, "what goes through has other addresses from now on"
    # The sockets have gone with the network, too.
    await asyncio.gather(*(each.evaluate("sockets.at(-1).close(3000)") for each in (anna, ben)))
    await anna.until("sfu.state.publish", lambda state: state != "connected")
    await ben.until("sfu.state.receive", "connected", 25)
    await anna.until("sfu.state.publish", "connected", 25)
    await ben.until_grown(slot, "video", "framesDecoded", 10)
    for guest in (anna, ben):
        assert await guest.evaluate(f"{same}.every((each, at) => each === before[at])")
    assert await anna.seat() == slot
