"""The check before joining in Chromium: devices, ways, figures, verdicts; also on a phone."""

import os
from typing import Any

import pytest

from tests.calls.conftest import ChromiumPage, Invite
from tests.calls.guest import Guest
from tests.calls.link import Link

pytestmark = pytest.mark.asyncio(loop_scope="session")

STATE = "document.getElementById('{}').dataset.state"


async def opened(guest: Guest) -> Any:
    """The check's page."""
    await guest.page.goto(f"{guest.url}/preflight")
    assert isinstance(guest.page, ChromiumPage)
    return guest.page.tab


def by_name(report: Any) -> dict[str, tuple[str, str]]:
    return {each["name"]: (each["watch"], each["present"]) for each in report["verdicts"]}


async def test_a_person_checks_a_narrow_link_on_a_phone(invite: Invite, link: Link) -> None:
    link.down.rate, link.up.rate = 2.2e6, 5e6
    guest = await invite("Ann", "attendee", link=link, width=360)
    tab = await opened(guest)
    await tab.click("#start")
    report: Any = await guest.until("window.report ?? null", lambda it: it is not None, 40)
    for name, state in {"camera": "good", "microphone": "good", "udp": "good"}.items():
        assert await guest.evaluate(STATE.format(name)) == state, name
    assert await guest.evaluate(STATE.format("relay")) == "waiting"  # there is none
    assert report["over"] == "udp"
    media = report["media"]
    assert 20 <= media["roundTrip"] < 400
    assert 1.2e6 < media["down"]["bandwidth"] < 3.5e6
    verdicts = by_name(report)
    assert verdicts["audio"][0] == "good"
    assert verdicts["audio and one camera, SD"][0] != "no"
    assert verdicts["7 cameras"][0] == "reduced"
    await guest.until(STATE.format("speaker"), "doubtful")
    await tab.click("[data-heard=yes]")
    assert await guest.evaluate(STATE.format("speaker")) == "good"
    assert await guest.evaluate("document.documentElement.scrollWidth") <= 360
    if folder := os.environ.get("SFU_SCREENSHOTS"):
        await tab.screenshot(path=f"{folder}/preflight-360.png", full_page=True)
        await tab.set_viewport_size({"width": 1280, "height": 800})
        await tab.screenshot(path=f"{folder}/preflight.png", full_page=True)


async def test_where_no_udp_gets_through_tcp_is_measured(invite: Invite) -> None:
    guest = await invite("Ben", "attendee", udp=False)
    await opened(guest)
    report = await guest.evaluate(
        """import('/static/preflight.js').then(({preflight}) =>
           preflight(location.origin, {seconds: 2}))"""
    )
    ways = {way: found["reached"] for way, found in report["ways"].items()}
    assert ways == {"udp": False, "tcp": True, "relay": False}
    assert report["ways"]["relay"]["reason"] == "not_offered"
    assert report["over"] == "tcp"
    assert report["media"]["down"]["bandwidth"] > 0
    assert by_name(report)["audio"][0] != "no"
