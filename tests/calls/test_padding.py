"""Chromium takes what only fills the path: it counts it where retransmissions are counted."""

import pytest

from tests.calls.conftest import Invite
from tests.calls.daemon import Daemon

pytestmark = pytest.mark.asyncio(loop_scope="session")

REPEATED = """sfu.receiveConnection.getStats().then((report) => [...report.values()]
    .filter((each) => each.type === 'inbound-rtp' && each.kind === 'video')
    .reduce((sum, each) => sum + (each.retransmittedPacketsReceived ?? 0), 0))"""
"""Packets that came on retransmission streams, where padding goes as well."""


async def test_padding_arrives_and_is_counted(invite: Invite, daemon: Daemon) -> None:
    def repaired() -> float:
        return daemon.metric("sfu_retransmissions_total")

    presenter, viewer = await invite("Anna", "presenter"), await invite("Ben", "attendee")
    await presenter.enter()
    await presenter.publish("publishCamera()")
    padded = daemon.metric("sfu_packets_total", direction="out", kind="padding")
    repairs = repaired()
    await viewer.enter()
    slot = await presenter.seat()
    await viewer.view(slot, 720)
    await viewer.until_height(slot, 720)
    sent = daemon.metric("sfu_packets_total", direction="out", kind="padding") - padded
    assert sent > 0, "a start rate is not enough for 720 lines: the path was probed"
    # Nobody asked for any of it again.
    repeated = await viewer.evaluate(REPEATED)
    assert repeated > repaired() - repairs
