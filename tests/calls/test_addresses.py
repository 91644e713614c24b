"""Where the server is: on IPv6, and behind an address that is not its own."""

import json
from pathlib import Path

import pytest

from tests.calls.conftest import Invite
from tests.calls.daemon import Daemon
from tests.calls.guest import Guest
from tests.calls.link import Link

pytestmark = pytest.mark.asyncio(loop_scope="session")

REMOTE = """(async (connection) => {
    const report = await connection.getStats();
    const transport = [...report.values()].find(({type}) => type === 'transport');
    const pair = report.get(transport.selectedCandidatePairId);
    return report.get(pair.remoteCandidateId).address;
})"""
PUBLIC = "127.0.0.2"
NOBODY = "192.0.2.250"
"""An address for documentation (RFC 5737)."""


async def call(invite: Invite, daemon: Daemon) -> list[str]:
    """A call of two; gives the server's address as each has selected it."""
    daemon.start()
    anna, ben = await invite("Anna", "presenter"), await invite("Ben", "attendee")
    try:
        for guest in (anna, ben):
            guest.url = daemon.url
        await anna.enter(publish="camera")
        await ben.enter()
        await ben.until_grown(await anna.seat(), "video", "framesDecoded", 10)
        return [await remote(anna, "publishConnection"), await remote(ben, "receiveConnection")]
    finally:
        for guest in (anna, ben):
            await guest.page.goto("about:blank")
        daemon.stop()
        assert daemon.trouble() == []


async def remote(guest: Guest, connection: str) -> str:
    return str(await guest.evaluate(f"{REMOTE}(sfu.{connection})"))


async def test_a_call_over_ipv6(invite: Invite, tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, SFU_MEDIA__HOST="::1")
    assert await call(invite, daemon) == ["::1"] * 2


async def test_a_host_behind_nat(invite: Invite, link: Link, tmp_path: Path) -> None:
    """The address that the world sends to is translated, one to one; another one leads nowhere."""
    announced = json.dumps([NOBODY, PUBLIC])
    daemon = Daemon(tmp_path, SFU_MEDIA__HOST="127.0.0.1", SFU_MEDIA__ANNOUNCED_ADDRESSES=announced)
    port = daemon.udp_port
    await link.lead(("127.0.0.1", port), (PUBLIC, port))
    assert await call(invite, daemon) == [PUBLIC] * 2
    assert link.up.passed > 0
