"""The recipe of a room in one's own page: another origin, in Chromium."""

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sfu.config import DEV_SECRET, DEV_TENANT
from tests.calls.conftest import ChromiumPage, Invite
from tests.calls.daemon import Daemon
from tests.docs.recipes import code, loaded

pytestmark = pytest.mark.asyncio(loop_scope="session")


SILENT = """{
    const { play } = HTMLMediaElement.prototype;
    let clicked = false;
    addEventListener('click', () => { clicked = true; }, true);
    HTMLMediaElement.prototype.play = function () {
        return clicked || this.muted ? play.call(this)
            : Promise.reject(new DOMException('', 'NotAllowedError'));
    };
}"""
"""As in a page that nobody has clicked in; the browser of the tests is not so strict."""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def site(tmp_path: Path, daemon: Daemon, room: str) -> Iterator[str]:
    """A web site of somebody's own, with the recipe's page for two people."""
    for name, role in {"ann": "presenter", "ben": "attendee", "eve": "attendee"}.items():
        secret = DEV_SECRET if name != "eve" else "eve's guess"
        token = loaded("tokens")["token"](DEV_TENANT, secret, room, name, role)
        page = code("html", "page").replace("SFU", daemon.url)
        # The plain server here resets some of the requests that browsers make by themselves.
        page = page.replace("<title>", '<link rel="icon" href="data:,"><title>')
        (tmp_path / f"{name}.html").write_text(page.replace("ROOM", room).replace("TOKEN", token))
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


async def test_a_room_in_ones_own_page(invite: Invite, site: str) -> None:
    ann, ben = await invite("Ann", "presenter"), await invite("Ben", "attendee")
    assert isinstance(ben.page, ChromiumPage)
    await ben.page.tab.add_init_script(SILENT)
    for guest, name in ((ann, "ann"), (ben, "ben")):
        await guest.page.goto(f"{site}/{name}.html")
        await guest.until("document.getElementById('news').textContent", "You are in.")
    assert isinstance(ann.page, ChromiumPage)
    await ann.page.tab.click("#camera")
    seat = f"seat-{await ann.evaluate('client.participant.seat')}"
    await ann.until(f"document.getElementById('{seat}').videoHeight > 0", True)
    await ben.until(f"document.getElementById('{seat}')?.hidden", False)
    await ben.until(f"document.getElementById('{seat}').videoHeight > 0", True)
    assert await ben.evaluate("document.getElementById('camera').hidden")
    # Pictures are there; sound comes after a click.
    heard = "[...document.querySelectorAll('video')].some(({muted}) => !muted)"
    assert not await ben.evaluate(heard)
    await ben.page.tab.click("#sound")
    assert await ben.evaluate(heard)
    assert await ben.evaluate("document.getElementById('sound').hidden")

    there = "[...client.participants.values()].some(({identity}) => identity === 'ben')"
    await ann.until(there, True)
    await ben.page.goto(f"{site}/eve.html")
    await ann.until(there, False)
    refused = "document.getElementById('news').textContent.startsWith('You cannot come in: ')"
    await ben.until(refused, True)
