"""Firefox through the daemon: it publishes to Chromium and receives from it."""

import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.calls.conftest import PROBE, Invite
from tests.calls.daemon import Daemon
from tests.calls.firefox import Firefox
from tests.calls.guest import Guest

pytestmark = pytest.mark.asyncio(loop_scope="session")


def has_own_address() -> bool:
    """Whether there is an address with a way out (nothing is sent)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("203.0.113.1", 9))
        except OSError:
            return False
        return not str(probe.getsockname()[0]).startswith("127.")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def firefox() -> AsyncIterator[Firefox]:
    """One Firefox for the module."""
    if not has_own_address():
        # Firefox sends no checks to a loopback candidate of an ICE-lite server.
        pytest.fail("this machine has no address but loopback, and Firefox connects to no such")
    firefox = await Firefox.launch()
    yield firefox
    await firefox.close()


@pytest_asyncio.fixture(loop_scope="session")
async def fox(firefox: Firefox, daemon: Daemon, room: str) -> AsyncIterator[Guest]:
    """A presenter with Firefox, page open but not yet in the room."""
    page = await firefox.open(PROBE)
    guest = Guest(page, daemon.url, room, "Fay", "presenter")
    yield guest
    await page.close()
    assert page.troubles == []


async def test_firefox_sees_and_hears_chromium(invite: Invite, fox: Guest) -> None:
    presenter = await invite("Anna", "presenter")
    await presenter.enter()
    await presenter.publish("publishMicrophone()", "publishCamera()")
    await fox.enter()
    slot = await presenter.seat()
    for height in (180, 360, 720):
        await fox.view(slot, height)
        await fox.until_height(slot, height)
    await fox.until_pattern(slot)
    await fox.until_grown(slot, "audio", "packetsReceived", 20)


async def test_chromium_sees_and_hears_firefox(invite: Invite, fox: Guest) -> None:
    guest = await invite("Ben", "attendee")
    await fox.enter()
    await fox.publish("publishMicrophone()", "publishCamera({track: probe.plain('#d08020')})")
    await guest.enter()
    slot = await fox.seat()
    await guest.until_colour(slot, (208, 128, 32))
    await guest.until_grown(slot, "audio", "totalAudioEnergy", 1e-4)


async def test_firefox_sends_three_layers(invite: Invite, fox: Guest) -> None:
    guest = await invite("Ben", "attendee")
    await fox.enter()
    await fox.publish("publishCamera()")
    await guest.enter()
    slot = await fox.seat()
    for height in (180, 360, 720):
        await guest.view(slot, height)
        await guest.until_height(slot, height)
    assert [layer["frameHeight"] for layer in await fox.outbound("video")] == [180, 360, 720]
