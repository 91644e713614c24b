"""The demo page as a person uses it: forms, buttons, words, and its looks at two widths."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.calls.conftest import ChromiumPage, Invite
from tests.calls.guest import Guest

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCREENSHOTS = Path(__file__).with_name("screenshots")
PHONE = 360


def tab_of(guest: Guest) -> Page:
    """The Playwright page behind a guest."""
    assert isinstance(guest.page, ChromiumPage)
    return guest.page.tab


async def join_by_form(guest: Guest, role: str) -> Page:
    """Fills the form as a person would."""
    tab = tab_of(guest)
    await guest.page.goto(guest.url)
    await tab.get_by_label("Room").fill(guest.room)
    await tab.get_by_label("Your name").fill(guest.name)
    await tab.locator("#join").get_by_text(role, exact=True).click()
    await tab.get_by_role("button", name="Join the room").click()
    await expect(tab.locator("#connection")).to_have_text("Connected", timeout=10_000)
    return tab


async def fits(tab: Page) -> bool:
    """Whether nothing sticks out of the window sideways."""
    width: bool = await tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return width


async def test_a_call_by_hand(invite: Invite) -> None:
    presenter = await invite("Anna Lindqvist", "presenter")
    guest = await invite("Ben", "attendee", width=PHONE)
    host = await join_by_form(presenter, "Presenter")
    await expect(host.get_by_role("heading", name=presenter.room)).to_be_focused()
    await expect(host.locator("#notices")).to_be_empty()
    phone = await join_by_form(guest, "Attendee")
    await expect(phone.locator("#camera")).to_be_disabled()
    await expect(host.locator("#people")).to_have_text("2")

    await host.locator("#microphone").click()
    await host.locator("#camera").click()
    tile = phone.locator(f"[data-slot={await presenter.seat()}]")
    await expect(tile).to_have_accessible_name("Anna Lindqvist")
    await expect(tile.locator(".facts")).to_contain_text("fps", timeout=15_000)
    await expect(tile.get_by_label("muted")).to_be_hidden()
    own = host.locator(f"[data-slot={await presenter.seat()}]")
    await expect(own).to_have_accessible_name("Anna Lindqvist (you)")
    await expect(own.locator(".facts")).to_contain_text("3 layers", timeout=15_000)
    await expect(own.locator(".facts")).to_contain_text("Mbit/s")
    SCREENSHOTS.mkdir(exist_ok=True)
    await host.screenshot(path=SCREENSHOTS / "presenter.png")
    await phone.screenshot(path=SCREENSHOTS / "phone.png")
    assert await fits(host)
    assert await fits(phone)

    await host.locator("#microphone").click()
    await expect(tile.get_by_label("muted")).to_be_visible()
    await host.locator("#camera").click()
    await expect(tile.locator("video")).to_be_hidden()
    await host.get_by_role("button", name="Leave").click()
    await expect(host.get_by_role("button", name="Join the room")).to_be_visible()
    await expect(phone.get_by_text("Nobody is on the stage yet.")).to_be_visible()


async def test_the_page_asks_for_the_layer_that_fits_its_tile(invite: Invite) -> None:
    presenter, guest = await invite("Anna", "presenter"), await invite("Ben", "attendee")
    await presenter.enter(publish="camera")
    await guest.enter(quality="auto")
    slot = await presenter.seat()
    await guest.until_height(slot, 720)
    tab = tab_of(guest)
    await tab.set_viewport_size({"width": 420, "height": 700})
    await guest.until_height(slot, 360)
    await tab.get_by_role("button", name="View").click()
    await tab.get_by_label("Picture quality you ask for").select_option("Low")
    await guest.until_height(slot, 180)
    await tab.get_by_label("Picture quality you ask for").select_option("Sound only")
    await guest.until_resting(slot, "video")
    await expect(tab.locator(f"[data-slot={slot}] video")).to_be_hidden()


async def test_a_second_screen_is_refused_in_plain_words(invite: Invite) -> None:
    first, second = await invite("Anna", "presenter"), await invite("Ben", "presenter")
    await first.enter(publish="screen")
    await second.enter()
    tab = tab_of(second)
    await tab.locator("#screen").click()
    await expect(tab.locator(".notice.bad")).to_contain_text("sharing a screen already")
    await expect(tab.locator("#screen")).to_have_attribute("aria-pressed", "false")
    # Who closes the page, or goes elsewhere with it, has left.
    there = "[...sfu.participants.values()].some(({name}) => name === 'Ben')"
    await first.until(there, True)
    await second.page.goto("about:blank")
    await first.until(there, False)


async def test_a_refused_camera_is_told(invite: Invite) -> None:
    presenter = await invite("Anna", "presenter")
    await presenter.enter()
    await presenter.evaluate(
        "navigator.mediaDevices.getUserMedia = () =>"
        " Promise.reject(new DOMException('no', 'NotAllowedError')), null"
    )
    tab = tab_of(presenter)
    await tab.locator("#camera").click()
    await expect(tab.locator(".notice.bad")).to_contain_text("The camera is blocked")


async def test_no_server_is_told(invite: Invite) -> None:
    guest = await invite("Ben", "attendee")
    tab = tab_of(guest)
    await guest.page.goto(guest.url)
    await tab.route_web_socket("**/v1/signal", lambda socket: socket.close())
    await tab.get_by_role("button", name="Join the room").click()
    # A busy server looks like none: it is tried again for a while, and the person knows meanwhile.
    await expect(tab.locator("#join-error")).to_contain_text("Still trying")
    await expect(tab.locator("#join-error")).to_contain_text("Is it running?", timeout=20_000)


async def test_a_mark_says_why_a_picture_is_no_better(invite: Invite) -> None:
    presenters = [await invite(name, "presenter") for name in ("Anna Lindqvist", "Ben Okafor")]
    phone = await invite("Chiara", "attendee", width=PHONE)
    guest = await invite("Daniel", "attendee")
    for presenter in presenters:
        await presenter.enter(publish="camera")
    first, second = [await presenter.seat() for presenter in presenters]
    SCREENSHOTS.mkdir(exist_ok=True)
    for watcher, name in ((guest, "marks.png"), (phone, "marks-phone.png")):
        await watcher.enter(quality="auto")
        await watcher.until_grown(first, "video", "framesDecoded", 20)
        tab = tab_of(watcher)
        bars = tab.locator(f"[data-slot={first}] .bars")
        await expect(bars).to_be_visible()
        await expect(bars).to_have_attribute("data-level", "3", timeout=15_000)
        # Again and again: meanwhile the server says how it really is.
        await watcher.evaluate(
            f"""setInterval(() => sfu.dispatchEvent(new CustomEvent('quality', {{detail: {{slots: {{
                '{first}': {{width: 320, height: 180, fps: 30, reason: 'link'}},
                '{second}': {{width: 0, height: 0, fps: 0, reason: 'link'}},
            }}}}}})), 50),
            sfu.dispatchEvent(new CustomEvent('congestion',
                {{detail: {{available: 640_000, wanted: 2_400_000}}}}))"""
        )
        await expect(bars).to_have_attribute("data-level", "1")
        await expect(bars).to_have_accessible_name(re.compile("180. Your link carries no more now"))
        await expect(tab.locator(f"[data-slot={second}] .facts")).to_have_text("Picture paused")
        chip = tab.locator("#connection")
        await expect(chip).to_have_text("Weak link")
        await expect(chip).to_have_attribute("title", re.compile("640 kbit/s of the 2.4 Mbit/s"))
        await tab.screenshot(path=SCREENSHOTS / name)
        assert await fits(tab)
        await watcher.evaluate(
            "sfu.dispatchEvent(new CustomEvent('congestion',"
            " {detail: {available: 2_400_000, wanted: 2_400_000}}))"
        )
        await expect(chip).to_have_text("Connected")
