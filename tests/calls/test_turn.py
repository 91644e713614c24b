"""Chromium behind a firewall: only a relay (coturn) reaches the server, by UDP, TCP or TLS."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.calls.conftest import ChromiumPage, Invite
from tests.calls.daemon import Daemon
from tests.calls.turn_server import turn_server

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.long]

SECRET = "a-secret-that-only-servers-know"
RELAYED = """
window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(settings) { super({...settings, iceTransportPolicy: 'relay'}); }
};
"""
SELECTED = """(async (connection) => {
    const report = await connection.getStats();
    const all = [...report.values()];
    const pair = all.find(({type, nominated}) => type === 'candidate-pair' && nominated);
    const local = pair && report.get(pair.localCandidateId);
    return local ? [local.candidateType, local.relayProtocol] : null;
})"""


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """A TURN server on loopback; gives its port, and the one for TLS."""
    with turn_server(tmp_path, "127.0.0.1", SECRET) as ports:
        yield ports


async def test_a_relay_reaches_the_server(
    invite: Invite, relay: tuple[int, int], tmp_path: Path
) -> None:
    plain, secured = relay
    urls = {
        "udp": f"turn:127.0.0.1:{plain}?transport=udp",
        "tcp": f"turn:127.0.0.1:{plain}?transport=tcp",
        "tls": f"turns:127.0.0.1:{secured}?transport=tcp",
    }
    daemon = Daemon(tmp_path, SFU_TURN__URLS=json.dumps([*urls.values()]), SFU_TURN__SECRET=SECRET)
    daemon.start()
    guests = [await invite("Anna", "presenter")]
    guests += [await invite(name, "attendee") for name in ("Ben", "Chiara")]
    try:
        for guest, url in zip(guests, urls.values(), strict=True):
            assert isinstance(guest.page, ChromiumPage)
            # Each takes one of the ways.
            script = RELAYED.replace(
                "{...settings,",
                "{...settings, iceServers: settings.iceServers.map(({urls, ...rest}) =>"
                f" ({{urls: urls.filter((each) => each === '{url}'), ...rest}})),",
            )
            await guest.page.tab.add_init_script(script)
            guest.url = daemon.url
        anna, *others = guests
        await anna.enter(publish="camera")
        await anna.until(f"{SELECTED}(sfu.publishConnection)", ["relay", "udp"])
        for guest, kind in zip(others, ("tcp", "tls"), strict=True):
            await guest.enter()
            await guest.until_grown(await anna.seat(), "video", "framesDecoded", 10)
            await guest.until(f"{SELECTED}(sfu.receiveConnection)", ["relay", kind])
    finally:
        for guest in guests:
            await guest.page.goto("about:blank")
        daemon.finish()
    assert SECRET not in daemon.log.read_text()
