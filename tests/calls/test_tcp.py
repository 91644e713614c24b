"""Chromium in a network that lets no UDP through: media over ICE-TCP, in both directions."""

import pytest

from tests.calls.conftest import Invite
from tests.calls.guest import Guest

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def protocol(guest: Guest, connection: str) -> str:
    """Of the pair of candidates that carries the connection's media."""
    name = await guest.evaluate(
        f"""sfu.{connection}.getStats().then((all) => {{
            const transport = [...all.values()].find((each) => each.type === 'transport');
            const pair = all.get(transport.selectedCandidatePairId);
            return all.get(pair.localCandidateId).protocol;
        }})"""
    )
    return str(name)


async def test_picture_and_sound_without_udp(invite: Invite) -> None:
    presenter = await invite("Anna", "presenter", udp=False)
    guest = await invite("Ben", "attendee", udp=False)
    other = await invite("Chiara", "attendee")
    await presenter.enter()
    await presenter.publish("publishMicrophone()", "publishCamera()")
    slot = await presenter.seat()
    for person in (guest, other):
        await person.enter()
        await person.view(slot, 720)
    assert await protocol(presenter, "publishConnection") == "tcp"
    assert await protocol(guest, "receiveConnection") == "tcp"
    assert await protocol(other, "receiveConnection") == "udp"
    for person in (guest, other):
        await person.until_height(slot, 720)
        await person.until_pattern(slot)
        await person.until_grown(slot, "audio", "totalAudioEnergy", 1e-4)
