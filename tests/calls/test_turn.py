"""Chromium behind a firewall: nothing but a relay (coturn) reaches the server, over UDP and TCP."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.calls.conftest import ChromiumPage, Invite
from tests.calls.daemon import Daemon, free_port

pytestmark = pytest.mark.asyncio(loop_scope="session")

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
def relay(tmp_path: Path) -> Iterator[int]:
    """A TURN server on loopback; gives its port."""
    program = shutil.which("turnserver")
    if program is None:
        pytest.fail("coturn is not installed: apt-get install coturn")
    port = free_port(socket.SOCK_STREAM, 8100)
    arguments = [
        program, "-n", "--no-cli", "--no-tls", "--no-dtls", "--realm=test", "--use-auth-secret",
        f"--static-auth-secret={SECRET}", "--listening-ip=127.0.0.1", f"--listening-port={port}",
        "--relay-ip=127.0.0.1", "--allow-loopback-peers", f"--pidfile={tmp_path / 'pid'}",
        f"--userdb={tmp_path / 'users'}", "--log-file=stdout",
    ]  # fmt: skip
    with (tmp_path / "turn.log").open("wb") as log:
        process = subprocess.Popen(arguments, stdout=log, stderr=log, cwd=tmp_path)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.05)
    yield port
    process.terminate()
    process.wait(10)


async def test_a_relay_reaches_the_server(invite: Invite, relay: int, tmp_path: Path) -> None:
    urls = ", ".join(f'"turn:127.0.0.1:{relay}?transport={kind}"' for kind in ("udp", "tcp"))
    daemon = Daemon(tmp_path, SFU_TURN__URLS=f"[{urls}]", SFU_TURN__SECRET=SECRET)
    daemon.start()
    guests = [await invite("Anna", "presenter"), await invite("Ben", "attendee")]
    try:
        for guest, other in zip(guests, ("tcp", "udp"), strict=True):
            assert isinstance(guest.page, ChromiumPage)
            # Each takes one of the two ways.
            only = f"urls.filter((each) => !each.endsWith('{other}'))"
            script = RELAYED.replace(
                "{...settings,",
                "{...settings, iceServers: settings.iceServers.map(({urls, ...rest}) =>"
                f" ({{urls: {only}, ...rest}})),",
            )
            await guest.page.tab.add_init_script(script)
            guest.url = daemon.url
        anna, ben = guests
        await anna.enter(publish="camera")
        await ben.enter()
        await ben.until_grown(await anna.seat(), "video", "framesDecoded", 10)
        assert await anna.evaluate(f"{SELECTED}(sfu.publishConnection)") == ["relay", "udp"]
        assert await ben.evaluate(f"{SELECTED}(sfu.receiveConnection)") == ["relay", "tcp"]
    finally:
        for guest in guests:
            await guest.page.goto("about:blank")
        daemon.stop()
    assert SECRET not in daemon.log.read_text()
    assert daemon.trouble() == []
