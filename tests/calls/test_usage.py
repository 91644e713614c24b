"""Usage records of a call with browsers: bytes to the last moment, and how good it was."""

import pytest

from tests.calls.conftest import Invite
from tests.calls.daemon import Daemon
from tests.calls.guest import Guest
from tests.calls.records import record_of

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_bytes_are_current_and_the_call_was_good(
    invite: Invite, daemon: Daemon, room: str
) -> None:
    presenter, guest = await invite("Anna", "presenter"), await invite("Ben", "attendee")
    await presenter.enter()
    await presenter.publish("publishMicrophone()", "publishCamera()")
    await guest.enter()
    slot = await presenter.seat()
    await guest.until_height(slot, 720)
    await guest.until_grown(slot, "video", "framesDecoded", 75)
    participant = await guest.evaluate("sfu.participant.id")
    media, everything = await received(guest)
    await guest.evaluate("sfu.leave()")
    record = await record_of(daemon, participant)
    assert record["room"] == room
    assert record["reason"] == "left"
    # More than the streams had by then; no more than all that came, and what was on its way.
    assert media <= record["bytes_sent"] <= everything + 500_000
    assert record["bytes_received"] == 0
    assert 3.0 <= record["quality"] <= 5.0


async def received(guest: Guest) -> tuple[int, int]:
    """Bytes of media with their headers, and of everything that came."""
    first, second = await guest.evaluate("""sfu.receiveConnection.getStats().then((all) => {
        const entries = [...all.values()];
        const streams = entries.filter(({type}) => type === 'inbound-rtp');
        const media = streams.map((each) => each.bytesReceived + each.headerBytesReceived);
        const transport = entries.find(({type}) => type === 'transport');
        return [media.reduce((sum, each) => sum + each, 0), transport.bytesReceived];
    })""")
    return first, second
