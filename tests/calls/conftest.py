"""Whole calls: the daemon as a process, browsers with fake devices, a lossy link between.

One daemon and one browser serve all tests; every test has a room and pages of its own. A page
that complains on its console fails its test, and so does a daemon that logs an error.
"""

import contextlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, async_playwright
from playwright.async_api import Page as ChromiumTab

from sfu.bench.call.browser import arguments, executable
from tests.calls import pattern
from tests.calls.daemon import Daemon
from tests.calls.guest import Guest, Json
from tests.calls.link import Link
from tests.calls.network import Network, still

CHROMIUM_ARGUMENTS = [
    *arguments(pattern.FPS),
    # Of the tests' own TURN server over TLS.
    "--ignore-certificate-errors",
]
PROBE = Path(__file__).with_name("probe.js").read_text()

FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, Any]:
    """Lets the fixtures know of a failure, so that they can tell what the browsers saw."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


Invite = Callable[..., Awaitable[Guest]]


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """The daemon, on free ports, for all calls."""
    daemon = Daemon(tmp_path_factory.mktemp("daemon"))
    daemon.start()
    yield daemon
    # What has been in its log before has failed the test in question.
    before = daemon.trouble()
    assert daemon.stop() == 0, daemon.log.read_text()[-2000:]
    assert daemon.trouble() == before


@pytest.fixture(autouse=True)
def _healthy_daemon(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails the test during which the daemon logged an error."""
    if "daemon" not in request.fixturenames:
        yield
        return
    daemon: Daemon = request.getfixturevalue("daemon")
    before = len(daemon.trouble())
    yield
    assert daemon.trouble()[before:] == []


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """One Chromium whose fake camera shows the pattern; each page gets a context of its own."""
    film = pattern.write(tmp_path_factory.mktemp("camera") / "pattern.y4m")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable(),
            args=[*CHROMIUM_ARGUMENTS, f"--use-file-for-fake-video-capture={film}"],
            ignore_default_args=["--headless"],
        )
        yield browser
        await browser.close()


@contextlib.asynccontextmanager
async def chromium_there(network: Network, url: str, folder: Path) -> AsyncIterator[Browser]:
    """One in another network, for which the address is a secure one, as cameras want it."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=network.program(folder, executable()),
            args=[*CHROMIUM_ARGUMENTS, f"--unsafely-treat-insecure-origin-as-secure={url}"],
            ignore_default_args=["--headless"],
        )
        yield browser
        await browser.close()


class ChromiumPage:
    """A page of Chromium as guest.Page."""

    def __init__(self, tab: ChromiumTab) -> None:
        self.tab = tab

    async def evaluate(self, script: str) -> Json:
        """Runs an expression in the page, awaits it, and gives its value."""
        return await self.tab.evaluate(script)

    async def goto(self, url: str) -> None:
        """Opens an address."""
        async with still():
            await self.tab.goto(url)

    async def close(self) -> None:
        """Ends the page and its context."""
        await self.tab.context.close()


@pytest.fixture
def room(request: pytest.FixtureRequest) -> str:
    """A room of the test's own."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", request.node.name)[:64]


@pytest_asyncio.fixture(loop_scope="session")
async def invite(
    request: pytest.FixtureRequest, chromium: Browser, daemon: Daemon, room: str
) -> AsyncIterator[Invite]:
    """Calls in a guest: `await invite("Anna", "presenter", link=…, width=…)`, with a page open but
    not yet in the room."""
    guests: list[Guest] = []

    async def call_in(
        name: str, role: str, *, link: Link | None = None, width: int = 1280, udp: bool = True
    ) -> Guest:
        context = await chromium.new_context(viewport={"width": width, "height": 800})
        tab = await context.new_page()
        guest = Guest(ChromiumPage(tab), daemon.url, room, name, role)
        guests.append(guest)
        listen(tab, guest)
        await tab.add_init_script(PROBE)
        if not udp:
            await tab.add_init_script("probe.blockUdp();")
        if link is not None:
            leads = {port: await link.lead(("127.0.0.1", port)) for port in daemon.udp_ports}
            await tab.add_init_script(f"probe.lead({json.dumps(leads)});")
        return guest

    yield call_in
    if request.node.stash.get(FAILED, False):
        for guest in guests:
            print(guest.name, await guest.diagnosis())
    for guest in guests:
        await guest.page.close()
    assert [trouble for guest in guests for trouble in guest.troubles] == []


def listen(tab: ChromiumTab, guest: Guest) -> None:
    """Gathers what the page's console complains about."""

    def on_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            guest.troubles.append(f"{guest.name}: {message.text} ({message.location})")

    tab.on("console", on_console)
    tab.on("pageerror", lambda error: guest.troubles.append(f"{guest.name}: {error}"))


@pytest_asyncio.fixture(loop_scope="session")
async def link() -> AsyncIterator[Link]:
    """A link of 20 ms there and back, without loss until a test sets it."""
    link = Link(delay=0.01)
    yield link
    await link.close()
