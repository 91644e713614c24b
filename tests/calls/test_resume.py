"""Lost sockets and a killed server: browsers come back by themselves, nobody reloads."""

import asyncio
import json
import time
from pathlib import Path

import httpx
import pytest

from sfu.participant import Role
from sfu.signaling.tokens import mint
from tests.calls.conftest import ChromiumPage, Invite
from tests.calls.daemon import Daemon
from tests.calls.guest import Guest, Json
from tests.calls.link import Link

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.long]

HELD = """
window.sockets = [];
window.WebSocket = class extends WebSocket {
    constructor(...all) { super(...all); sockets.push(this); }
};
"""
"""Keeps a page's sockets, to break them."""

REFUSED = """
window.refusals = {};
window.WebSocket = class extends WebSocket {
    send(data) {
        const {type, id} = JSON.parse(data);
        const code = refusals[type]?.shift();
        if (code === undefined) super.send(data);
        else setTimeout(() => this.dispatchEvent(
            new MessageEvent('message', {data: JSON.stringify({type: 'error', id, code})})));
    }
};
"""
"""Refuses the page's next requests of a type with its `refusals`, instead of the server."""

DEV = "dev-secret-do-not-use-in-production"


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
               resumed.push([detail.resumed, detail.lost])), null"""
        )
    # What is asked while the socket closes, or is away, waits for the next one.
    await ben.evaluate("sockets.at(-1).close(3000)")
    await anna.evaluate("sockets.at(-1).close(3000), sfu.setStatus('hand')")
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
        said = "document.getElementById('notices').innerText.includes('out of reach')"
        await ben.until(said, True)
        await asyncio.to_thread(daemon.start)
        for guest in (anna, ben):
            await guest.until("sfu.state.session", "joined")
        assert not await ben.evaluate(said)
        assert who == [await guest.evaluate("sfu.participant.id") for guest in (anna, ben)]
        assert await anna.seat() == slot
        await anna.until("sfu.state.publish", "connected")
        await ben.until_grown(slot, "video", "framesDecoded", 10)
    finally:
        for guest in (anna, ben):
            # The browser notes each attempt that found no server.
            guest.troubles = [each for each in guest.troubles if "WebSocket conn" not in each]
            await guest.page.goto("about:blank")
        daemon.finish()


async def test_what_was_published_is_published_again_after_a_waiting_room(
    invite: Invite, tmp_path: Path
) -> None:
    daemon = Daemon(tmp_path)
    daemon.start()
    anna = await invite("Anna", "attendee")
    assert isinstance(anna.page, ChromiumPage)
    await anna.page.tab.add_init_script(REFUSED)
    try:
        await anna.page.goto(f"{daemon.url}/?quality=none")
        await anna.evaluate(await joining(daemon, anna))
        assert await anna.evaluate("firstly") == "token_failed"
        await asyncio.to_thread(ask, daemon, f"/rooms/{anna.room}/mode", {"mode": "meeting"})
        await anna.publish("publishMicrophone()", "publishCamera()")
        await anna.evaluate("sfu.mute('microphone', true)")
        await anna.evaluate("sfu.publishScreen({track: sfu.track('camera').clone()})")
        await asyncio.to_thread(ask, daemon, f"/rooms/{anna.room}/lock")
        # As after an absence that was too long: there is no session to resume, only a new join.
        refusals = "{join: ['cannot_resume'], publish: ['overloaded', 'not_allowed']}"
        await anna.evaluate(f"tokenFails = 1, refusals = {refusals}, null")
        assert daemon._process is not None
        daemon._process.kill()
        await anna.until("sfu.state.session", "resuming")
        await asyncio.to_thread(daemon._process.wait)
        await asyncio.to_thread(daemon.start)
        await anna.until("sfu.state.session", "waiting")
        assert await anna.evaluate("tokenFails") == 0
        # What is decided at the door counts as well.
        await anna.evaluate("sfu.unpublish('camera')")
        await asyncio.to_thread(ask, daemon, f"/rooms/{anna.room}/unlock")
        await anna.until("sfu.state.publish", "connected")
        assert await anna.evaluate("[refusals.join, refusals.publish]") == [[], []]
        [person] = await until_sources(daemon, anna.room, {"microphone", "screen"})
        assert person["sources"]["microphone"]["muted"]
        assert await anna.evaluate("[sfu.isMuted('microphone'), sfu.sources.toSorted()]") == [
            True, ["microphone", "screen"],
        ]  # fmt: skip
    finally:
        anna.troubles = [each for each in anna.troubles if "WebSocket conn" not in each]
        await anna.page.goto("about:blank")
        daemon.finish()


async def joining(daemon: Daemon, guest: Guest) -> str:
    """A script with a client that joins by a function; it has no token for `tokenFails` times."""
    token = mint(
        DEV, tenant="dev", room=guest.room, identity="anna", role=Role.ATTENDEE,
        now=time.time(), ttl=600,
    )  # fmt: skip
    return f"""(async () => {{
        const {{SfuClient}} = await import('/static/sfu-client.js');
        window.sfu = new SfuClient();
        window.tokenFails = 1;
        const token = async () => {{
            if (tokenFails > 0) {{ tokenFails -= 1; throw new Error('no backend'); }}
            return {json.dumps(token)};
        }};
        await sfu.connect({json.dumps(daemon.url.replace("http", "ws") + "/v1/signal")});
        const join = () => sfu.join({{room: {json.dumps(guest.room)}, token}});
        window.firstly = await join().catch(({{code}}) => code);
        await join();
    }})()"""


def ask(daemon: Daemon, path: str, body: Json = None, method: str = "POST") -> Json:
    """What REST answers."""
    headers = {"Authorization": f"Bearer dev:{DEV}"}
    answer = httpx.request(method, f"{daemon.url}/v1{path}", headers=headers, json=body)
    return answer.raise_for_status().json()


async def until_sources(daemon: Daemon, room: str, wanted: set[str]) -> list[Json]:
    """The only participant, when they publish these."""
    async with asyncio.timeout(20):
        while True:
            path = f"/rooms/{room}/participants"
            page = await asyncio.to_thread(ask, daemon, path, method="GET")
            people: list[Json] = page["items"]
            if len(people) == 1 and set(people[0]["sources"]) == wanted:
                return people
            await asyncio.sleep(0.1)
