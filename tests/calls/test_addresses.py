"""Where the server is: on both families of addresses, and behind an address that is not its own."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.calls.conftest import ChromiumPage, Invite
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
WITHOUT = """(sign) => {
    const lines = (sdp) => sdp.split('\\r\\n').filter(
        (line) => !line.startsWith('a=candidate:') || !line.split(' ')[4].includes(sign));
    const plain = RTCPeerConnection.prototype.setRemoteDescription;
    RTCPeerConnection.prototype.setRemoteDescription = function (given) {
        return plain.call(this, {type: given.type, sdp: lines(given.sdp).join('\\r\\n')});
    };
}"""
"""Leaves out the server's candidates whose address has this sign in it."""
PUBLIC = "127.0.0.2"
NOBODY = "192.0.2.250"
"""An address for documentation (RFC 5737)."""


async def call(invite: Invite, daemon: Daemon, without: Mapping[str, str] = {}) -> list[str]:
    """A call of two; gives the server's address as each has selected it. Addresses that have a
    guest's sign in them are not for them."""
    daemon.start()
    anna, ben = await invite("Anna", "presenter"), await invite("Ben", "attendee")
    try:
        for guest in (anna, ben):
            guest.url = daemon.url
            if guest.name in without:
                assert isinstance(guest.page, ChromiumPage)
                sign = json.dumps(without[guest.name])
                await guest.page.tab.add_init_script(f"({WITHOUT})({sign})")
        await anna.enter(publish="camera")
        await ben.enter()
        await ben.until_grown(await anna.seat(), "video", "framesDecoded", 10)
        return [await remote(anna, "publishConnection"), await remote(ben, "receiveConnection")]
    finally:
        for guest in (anna, ben):
            await guest.page.goto("about:blank")
        daemon.finish()


async def remote(guest: Guest, connection: str) -> str:
    return str(await guest.evaluate(f"{REMOTE}(sfu.{connection})"))


async def test_a_server_with_addresses_of_both_families(invite: Invite, tmp_path: Path) -> None:
    """Anna's network knows IPv6 alone and Ben's IPv4 alone: each goes to the address it reaches,
    and media passes between them."""
    announced = json.dumps(["127.0.0.1", "::1"])
    daemon = Daemon(tmp_path, SFU_MEDIA__ANNOUNCED_ADDRESSES=announced)
    assert await call(invite, daemon, {"Anna": ".", "Ben": ":"}) == ["::1", "127.0.0.1"]


async def test_a_host_behind_nat(invite: Invite, link: Link, tmp_path: Path) -> None:
    """The address that the world sends to is translated, one to one; another one leads nowhere."""
    announced = json.dumps([NOBODY, PUBLIC])
    daemon = Daemon(tmp_path, SFU_MEDIA__HOST="127.0.0.1", SFU_MEDIA__ANNOUNCED_ADDRESSES=announced)
    port = daemon.udp_port
    await link.lead(("127.0.0.1", port), (PUBLIC, port))
    assert await call(invite, daemon) == [PUBLIC] * 2
    assert link.up.passed > 0
