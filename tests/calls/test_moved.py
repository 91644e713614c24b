"""A browser's address changes in the middle of a call: it stays in the room, and media goes on."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.calls.conftest import PROBE, ChromiumPage, chromium_there, listen
from tests.calls.daemon import Daemon
from tests.calls.firefox import Firefox
from tests.calls.guest import Guest
from tests.calls.network import HERE, Network, elsewhere

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.long]

HEALED = 40.0
"""Seconds: browsers take five to notice, and what they try first may be lost."""

SAME = "[sfu.participant.id, sfu.publishConnection, sfu.receiveConnection]"
ADDRESS = """(async (connection) => {
    const report = await connection.getStats();
    const pairs = [...report.values()].filter(({type, nominated, state}) =>
        type === 'candidate-pair' && nominated && state === 'succeeded');
    return pairs.map(({localCandidateId}) => report.get(localCandidateId)?.address);
})"""


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with elsewhere() as network:
        yield network


@pytest.fixture(scope="module")
def reached(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A server that is reached from there: a development server announces all its addresses."""
    daemon = Daemon(tmp_path_factory.mktemp("reached"), SFU_SERVER__HOST="0.0.0.0")
    daemon.start()
    yield daemon
    daemon.finish()


@pytest_asyncio.fixture(loop_scope="session")
async def anna(
    network: Network, reached: Daemon, room: str, tmp_path: Path
) -> AsyncIterator[Guest]:
    url = f"http://{HERE}:{reached.port}"
    async with chromium_there(network, url, tmp_path) as browser:
        tab = await browser.new_page()
        guest = Guest(ChromiumPage(tab), url, room, "Anna", "presenter")
        listen(tab, guest)
        await tab.add_init_script(PROBE)
        yield guest
    # The network is down for a moment, and the browser says so.
    assert [each for each in guest.troubles if "WebSocket conn" not in each] == []


@pytest_asyncio.fixture(loop_scope="session")
async def fay(network: Network, reached: Daemon, room: str) -> AsyncIterator[Guest]:
    firefox = await Firefox.launch(network.within)
    page = await firefox.open(PROBE)
    yield Guest(page, f"http://{HERE}:{reached.port}", room, "Fay", "presenter")
    await firefox.close()


async def test_both_move(anna: Guest, fay: Guest, network: Network) -> None:
    """Each is seen by the other as before. In one call: most of the time is the browsers' own."""
    guests = anna, fay
    await asyncio.gather(*(guest.enter() for guest in guests))
    await anna.publish("publishCamera()")
    await fay.publish("publishCamera({track: probe.plain('#d08020')})")  # its page is not secure
    seats = {anna: await fay.seat(), fay: await anna.seat()}

    async def seen() -> None:
        await asyncio.gather(
            *(guest.until_grown(seats[guest], "video", "framesDecoded", 10) for guest in guests)
        )

    await seen()
    for guest in guests:
        await guest.evaluate(f"window.before = {SAME}, null")
    address = network.move()
    for guest in guests:
        for half in ("publish", "receive"):
            # What a browser takes for connected may still be the path of before.
            there = f"{ADDRESS}(sfu.{half}Connection)"
            await guest.until(there, lambda found: address in found, HEALED)
    await seen()
    for guest in guests:
        assert await guest.evaluate(f"{SAME}.every((each, at) => each === before[at])")
        await guest.evaluate("sfu.setStatus('hand')")
        await guest.until("sfu.participant.status", "hand")
        await guest.page.goto("about:blank")
