"""Lost sockets and a killed server: browsers come back by themselves, nobody reloads."""

import asyncio
from pathlib import Path

import pytest

from tests.calls.conftest import ChromiumPage, Invite
from tests.calls.daemon import Daemon
from tests.calls.guest import Guest
from tests.calls.link import Link

pytestmark = pytest.mark.asyncio(loop_scope="session")

HELD = """
window.sockets = [];
window.WebSocket = class extends WebSocket {
    constructor(...all) { super(...all); sockets.push(this); }
};
"""
"""Keeps a page's sockets, to break them."""


async def held_on(invite: Invite, name: str, role: str, link: Link | None) -> Guest:
    """A guest whose sockets can be broken."""
    guest = await invite(name, role, link=link)
    assert isinstance(guest.page, ChromiumPage)
    await guest.page.tab.add_init_script(HELD)
    return guest


async def held(invite: Invite, name: str, role: str) -> Guest:
    return await held_on(invite, name, role, None)


async def test_a_lost_socket_is_nothing_that_others_notice(invite: Invite) -> None:
    anna, ben = await held(invite, "Anna", "presenter"), await held(invite, "Ben", "attendee")
    await anna.enter(publish="camera,microphone")
    await ben.enter()
    slot = await anna.seat()
    await ben.until_grown(slot, "video", "framesDecoded", 10)
    await ben.evaluate(
        """window.heard = [], ['participant', 'slots'].forEach((type) => sfu.addEventListener(type,
           ({detail}) => heard.push(detail))), null"""
    )
    for guest in (anna, ben):
        await guest.evaluate(
            """window.before = [sfu.participant.id, sfu.publishConnection, sfu.receiveConnection],
               window.resumed = [], sfu.addEventListener('resumed', ({detail}) =>
               resumed.push([detail.resumed, detail.lost])), sockets.at(-1).close(3000), null"""
        )
    # What is asked while the socket is away waits for the next one.
    await anna.evaluate("sfu.setStatus('hand')")
    for guest in (anna, ben):
        await guest.until("resumed", [[True, 0]])
        await guest.until("sfu.state.session", "joined")
        same = "[sfu.participant.id, sfu.publishConnection, sfu.receiveConnection]"
        assert await guest.evaluate(f"{same}.every((each, at) => each === before[at])")
    await ben.until("sfu.participants.get(sfu.slots.get('seat-1').participant).status", "hand")
    assert await ben.evaluate("heard.flatMap(({left, slots}) => left ?? [slots])") == []
    await ben.until_grown(slot, "video", "framesDecoded", 10)


async def test_a_killed_server_is_come_back_to(invite: Invite, tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    daemon.start()
    anna, ben = await invite("Anna", "presenter"), await invite("Ben", "attendee")
    try:
        anna.url = ben.url = daemon.url
        await anna.enter(publish="camera")
        await ben.enter()
        slot = await anna.seat()
        await ben.until_grown(slot, "video", "framesDecoded", 10)
        who = [await guest.evaluate("sfu.participant.id") for guest in (anna, ben)]
        assert daemon._process is not None
        daemon._process.kill()
        await ben.until("sfu.state.session", "resuming")
        await asyncio.to_thread(daemon._process.wait)
        await asyncio.to_thread(daemon.start)
        for guest in (anna, ben):
            await guest.until("sfu.state.session", "joined")
        assert who == [await guest.evaluate("sfu.participant.id") for guest in (anna, ben)]
        assert await anna.seat() == slot
        await anna.until("sfu.state.publish", "connected")
        await ben.until_grown(slot, "video", "framesDecoded", 10)
    finally:
        for guest in (anna, ben):
            # The browser notes each attempt that found no server.
            guest.troubles = [each for each in guest.troubles if "WebSocket conn" not in each]
            await guest.page.goto("about:blank")
        daemon.stop()
    assert daemon.trouble() == []
