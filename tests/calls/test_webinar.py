"""A webinar in Chromium: seats, modes, the door, and what people say, as everybody sees it."""

import asyncio
import json
import re
import urllib.request
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.calls.conftest import ChromiumPage, Invite
from tests.calls.daemon import Daemon
from tests.calls.guest import Guest

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.long]

ORANGE, BLUE = (208, 128, 32), (48, 80, 192)


def tab_of(guest: Guest) -> Page:
    """The Playwright page behind a guest."""
    assert isinstance(guest.page, ChromiumPage)
    return guest.page.tab


def plain(colour: tuple[int, int, int]) -> str:
    """The call that publishes a camera of one colour."""
    red, green, blue = colour
    return f"publishCamera({{track: probe.plain('rgb({red} {green} {blue})')}})"


async def knock(guest: Guest) -> Page:
    """Opens the page, which asks to be let in, and finds the waiting room."""
    tab = tab_of(guest)
    who = f"room={guest.room}&name={guest.name}&role={guest.role}"
    await guest.page.goto(f"{guest.url}/?{who}&autojoin=1")
    await guest.until("globalThis.sfu?.state.session", "waiting")
    await expect(tab.locator("#waiting")).to_be_visible()
    return tab


async def id_of(guest: Guest) -> str:
    """The participant's id."""
    id: str = await guest.evaluate("sfu.participant.id")
    return id


async def count_offers(guest: Guest) -> None:
    """From now on `offers` in the page counts the server's offers."""
    await guest.evaluate("globalThis.offers = 0")
    await guest.evaluate("void sfu.addEventListener('offer', () => { offers += 1; })")


async def connections(guest: Guest) -> Any:
    """What would be another if anything had been negotiated anew."""
    return await guest.evaluate(
        "[offers, sfu.receiveConnection.remoteDescription.sdp, sfu.state.receive]"
    )


async def next_frame(guest: Guest, slot: str) -> float:
    """When the slot's next picture is decoded, in milliseconds since the epoch."""
    at: float = await guest.evaluate(
        f"""(async () => {{
            const decoded = async () => (await probe.inbound('{slot}', 'video')).framesDecoded;
            const before = await decoded();
            while (await decoded() === before) await new Promise((wake) => setTimeout(wake, 5));
            return Date.now();
        }})()"""
    )
    return at


async def person(tab: Page, name: str) -> Any:
    """Unfolds somebody's row in the list of people."""
    if await tab.locator("#page-people").is_hidden():
        await tab.get_by_role("button", name=re.compile("^People")).click()
    row = tab.locator(".person", has_text=name)
    if not await row.locator(".actions").is_visible():
        await row.locator("summary").click()
    return row


async def test_a_seat_rotates_without_a_new_offer(invite: Invite) -> None:
    host, ben, chiara, daniel = [
        await invite(name, role)
        for name, role in (
            ("Anna", "organizer"),
            ("Ben", "presenter"),
            ("Chiara", "attendee"),
            ("Daniel", "attendee"),
        )
    ]
    for guest in (host, ben, chiara, daniel):
        await guest.enter()
        await count_offers(guest)
    await ben.publish(plain(ORANGE))
    slot = await ben.seat()
    for guest in (chiara, daniel):
        await guest.until_colour(slot, ORANGE)
    before = {guest.name: await connections(guest) for guest in (chiara, daniel)}

    bens, chiaras = await id_of(ben), await id_of(chiara)
    await host.evaluate(f"sfu.revokeSeat('{bens}')")
    await daniel.until(f"sfu.slots.get('{slot}')", None)
    # The server has ended the camera, and the client has let it go.
    await ben.until("sfu.sources", [])
    assert await ben.evaluate("sfu.mayPublish") is False

    publishing = (
        "void sfu.addEventListener('participant', () => {"
        f" if (sfu.mayPublish && !sfu.sources.length) sfu.{plain(BLUE)}; }})"
    )
    await chiara.evaluate(publishing)
    seen = asyncio.create_task(next_frame(daniel, slot))
    await asyncio.sleep(0.5)
    # What the browsers' clocks say: all are this machine's.
    granted = await host.evaluate(f"(sfu.grantSeat('{chiaras}'), Date.now())")
    delay = (await seen - granted) / 1000
    assert delay > 0
    print(f"grant_seat to the first frame at another attendee: {delay:.3f} s")
    assert await chiara.seat() == slot
    for guest in (ben, daniel):
        await guest.until_colour(slot, BLUE)
        await guest.until_grown(slot, "video", "framesDecoded", 15)
    for guest in (chiara, daniel):
        assert await connections(guest) == before[guest.name]
    assert await ben.evaluate("offers") == 0
    assert await host.evaluate("offers") == 0


async def test_a_meeting_and_back(invite: Invite) -> None:
    host, attendee = await invite("Anna", "organizer"), await invite("Ben", "attendee")
    await host.enter()
    await host.publish("publishMicrophone()", plain(ORANGE))
    await attendee.enter()
    await attendee.until_colour("seat-0", ORANGE)
    seats = await host.evaluate("sfu.slots.size")
    streams = await attendee.evaluate("globalThis.first = sfu.streams.get('seat-0'), first.id")

    tab = tab_of(host)
    await tab.get_by_role("button", name=re.compile("^People")).click()
    await tab.get_by_role("tab", name="Event").click()
    await tab.get_by_role("button", name=re.compile("^Meeting")).click()
    await attendee.until("sfu.room.mode", "meeting")
    await expect(tab_of(attendee).locator("#camera")).to_be_enabled()
    # The gallery has come by a new offer, and what was there before is the same.
    await attendee.until("sfu.streams.size", lambda size: size > seats)
    assert await attendee.evaluate("sfu.streams.get('seat-0') === first && first.id") == streams
    await attendee.until_grown("seat-0", "video", "framesDecoded", 15)

    await attendee.publish("publishMicrophone()", plain(BLUE))
    own = await attendee.until(
        "[...sfu.slots].find(([, held]) => held?.participant === sfu.participant.id)?.[0]", bool
    )
    await host.until_colour(own, BLUE)
    await expect(tab.locator(f"[data-slot={own}]")).to_have_accessible_name("Ben")
    # Who changed the mode is not muted by it.
    assert await host.evaluate("sfu.isMuted('microphone')") is False

    await tab.get_by_role("button", name=re.compile("^Webinar")).click()
    await attendee.until("sfu.sources", [])
    await host.until(f"sfu.slots.get('{own}')", None)
    await host.until_resting(own, "video")
    await expect(tab_of(attendee).locator("#camera")).to_be_disabled()
    await attendee.until_grown("seat-0", "video", "framesDecoded", 15)


async def test_presenters_among_themselves(invite: Invite) -> None:
    host, ben, attendee = [
        await invite(name, role)
        for name, role in (("Anna", "organizer"), ("Ben", "presenter"), ("Chiara", "attendee"))
    ]
    await host.enter()
    await host.publish("publishMicrophone()", plain(ORANGE))
    for guest in (ben, attendee):
        await guest.enter()
        await guest.until_colour("seat-0", ORANGE)

    await host.evaluate("sfu.setMode('presenters-only')")
    words = tab_of(attendee).get_by_text("The presenters are among themselves")
    await expect(words).to_be_visible()
    for kind in ("audio", "video"):
        await attendee.until_resting("seat-0", kind)
        await ben.until_grown("seat-0", kind, "packetsReceived", 20)

    await host.evaluate("sfu.setMode('webinar')")
    await attendee.until_colour("seat-0", ORANGE)
    await attendee.until_grown("seat-0", "video", "framesDecoded", 15)


async def test_a_change_of_mode_mutes_the_other_presenters(invite: Invite) -> None:
    host, ben = await invite("Anna", "organizer"), await invite("Ben", "presenter")
    for guest in (host, ben):
        await guest.enter()
        await guest.publish("publishMicrophone()")
    await host.evaluate("sfu.setMode('meeting')")
    await ben.until("sfu.isMuted('microphone')", True)
    assert await host.evaluate("sfu.isMuted('microphone')") is False
    await expect(tab_of(ben).locator("#microphone")).to_have_attribute("aria-pressed", "false")
    await tab_of(ben).locator("#microphone").click()
    slot = await ben.seat()
    await host.until(f"sfu.slots.get('{slot}').microphone", True)


async def test_lock_wait_admit(invite: Invite) -> None:
    host = await invite("Anna", "organizer")
    guests = [await invite(name, "attendee", width=360) for name in ("Ben", "Chiara", "Daniel")]
    await host.enter()
    await host.publish(plain(ORANGE))
    await host.evaluate("sfu.lock()")
    tabs = [await knock(guest) for guest in guests]
    for place, tab in enumerate(tabs, start=1):
        await expect(tab.locator("#waiting-place")).to_contain_text(str(place))
        await expect(tab.locator("#waiting-why")).to_contain_text("locked")

    tab = tab_of(host)
    people = tab.get_by_role("button", name=re.compile("^People"))
    await expect(people).to_have_accessible_name("People, 3 to look at")
    await people.click()
    await tab.get_by_role("button", name="Admit Chiara").click()
    await guests[1].until_colour("seat-0", ORANGE)
    # Who becomes a presenter is told who waits, and who is here.
    chiaras = await id_of(guests[1])
    await host.evaluate(f"sfu.grantSeat('{chiaras}')")
    await guests[1].until("sfu.waiting.map((each) => each.name)", ["Ben", "Daniel"])
    await guests[1].until("sfu.participants.size", 2)
    # The place in the line counts anew.
    await expect(tabs[2].locator("#waiting-place")).to_contain_text("2", timeout=10_000)
    await tab.get_by_role("button", name="Turn Daniel away").click()
    await expect(tabs[2].locator("#join-error")).to_contain_text("did not let you in")
    await tab.get_by_role("tab", name="Event").click()
    await tab.get_by_role("button", name="Unlock the room").click()
    await guests[0].until_colour("seat-0", ORANGE)
    for words in ("Ben waits to come in.", "You let Chiara in.", "You turned Daniel away."):
        await expect(tab.locator("#record")).to_contain_text(words)


async def test_removed_for_good(invite: Invite) -> None:
    host, ben = await invite("Anna", "organizer"), await invite("Ben", "attendee")
    await host.enter()
    await ben.enter()
    tab = tab_of(host)
    row = await person(tab, "Ben")
    await row.get_by_role("button", name="Remove for good").click()
    dialog = tab.get_by_role("dialog")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(row).to_be_visible()
    await row.get_by_role("button", name="Remove for good").click()
    await dialog.get_by_role("button", name="Remove").click()
    await expect(tab_of(ben).locator("#join-error")).to_contain_text("cannot come back")
    await expect(row).to_have_count(0)


async def test_a_raised_hand_gets_a_seat(invite: Invite) -> None:
    host, ben = await invite("Anna", "organizer"), await invite("Ben", "attendee", width=360)
    await host.enter()
    await ben.enter()
    phone, desk = tab_of(ben), tab_of(host)
    await expect(phone.locator("#camera")).to_be_hidden()
    # By keyboard alone.
    await phone.locator("#status").focus()
    await phone.keyboard.press("Enter")
    await expect(phone.get_by_role("button", name="Raise hand")).to_be_focused()
    await phone.keyboard.press("Enter")
    await expect(phone.locator("#status")).to_have_text("Hand up")

    people = desk.get_by_role("button", name=re.compile("^People"))
    await expect(people).to_have_accessible_name("People, 1 to look at")
    row = await person(desk, "Ben")
    await expect(desk.locator(".person").first).to_contain_text("Ben")
    await expect(row).to_contain_text("Hand raised")
    await row.get_by_role("button", name="Give a seat").click()
    await expect(phone.locator("#camera")).to_be_enabled()
    await phone.locator("#camera").click()
    await host.until_pattern(await ben.seat())

    await row.get_by_role("button", name="Sound only").click()
    await ben.until("sfu.sources", [])
    await expect(phone.locator("#camera")).to_be_disabled()
    await expect(phone.locator("#microphone")).to_be_enabled()
    await phone.locator("#microphone").click()
    await host.until_grown(await ben.seat(), "audio", "packetsReceived", 20)
    await row.get_by_role("button", name="Block", exact=True).click()
    await ben.until("sfu.sources", [])
    await expect(phone.locator("#microphone")).to_be_disabled()
    await row.get_by_role("button", name="Allow everything").click()
    await expect(phone.locator("#camera")).to_be_disabled()
    await row.get_by_role("button", name="Unblock").click()
    await expect(phone.locator("#camera")).to_be_enabled()
    await row.get_by_role("button", name="Take the seat").click()
    await expect(phone.locator("#camera")).to_be_hidden()


async def test_chat(invite: Invite) -> None:
    host, ben, chiara = [
        await invite(name, role)
        for name, role in (("Anna", "organizer"), ("Ben", "attendee"), ("Chiara", "attendee"))
    ]
    for guest in (host, ben, chiara):
        await guest.enter()
    desk = tab_of(host)
    tab = tab_of(ben)
    await tab.get_by_role("button", name="Chat").click()
    await say(tab, "all", "Good <b>morning</b>")
    await say(tab, "presenters", "Can you hear me?")
    chat = desk.get_by_role("button", name=re.compile("^Chat"))
    await expect(chat).to_have_accessible_name("Chat, 2 unread")
    await chat.click()
    lines = desk.locator("#chat-log li")
    await expect(lines.nth(0)).to_contain_text("Ben")
    await expect(lines.nth(0)).to_contain_text("Good <b>morning</b>")
    await expect(lines.nth(1)).to_contain_text("to presenters")

    await say(desk, await id_of(ben), "Yes, well.")
    await expect(tab.locator("#chat-log li").last).to_contain_text("to you only")
    others = tab_of(chiara)
    await others.get_by_role("button", name=re.compile("^Chat")).click()
    await expect(others.locator("#chat-log li")).to_have_count(1)
    # Their own word for who they are is not taken for more than that.
    await expect(others.locator("#chat-log li b")).to_have_text("Ben (audience)")


async def say(tab: Page, to: str, text: str) -> None:
    """Writes into the chat."""
    await tab.locator("#chat-to").select_option(to)
    await tab.get_by_label("Message", exact=True).fill(text)
    await tab.keyboard.press("Enter")
    await expect(tab.locator("#chat-log li").last).to_contain_text(text)


async def test_a_prepared_room_with_a_password(invite: Invite, daemon: Daemon) -> None:
    host, ben = await invite("Anna", "organizer"), await invite("Ben", "attendee", width=360)
    create_room(daemon, room=host.room, access="password", password="rosebud")
    phone = tab_of(ben)
    await phone.goto(f"{ben.url}/?room={ben.room}&name=Ben&role=attendee")
    await expect(phone.get_by_label("Password")).to_be_hidden()
    await phone.get_by_role("button", name="Join the room").click()
    await expect(phone.locator("#join-error")).to_have_text("This room asks for a password.")
    await expect(phone.get_by_label("Password")).to_be_focused()
    await phone.keyboard.type("rosebud")
    await phone.keyboard.press("Enter")
    await expect(phone.locator("#waiting-why")).to_contain_text("has not started")

    await host.enter(password="rosebud")
    desk = tab_of(host)
    await desk.get_by_role("button", name=re.compile("^People")).click()
    await desk.get_by_role("tab", name="Event").click()
    await desk.get_by_role("button", name="Start the event").click()
    await ben.until("sfu.state.receive", "connected")
    for page in ("People", "Chat", "Event"):
        if page == "People":
            await phone.get_by_role("button", name=re.compile("^People")).click()
        await phone.get_by_role("tab", name=page).click()
        assert await phone.evaluate("document.documentElement.scrollWidth <= innerWidth")

    await desk.get_by_role("button", name="End the event").click()
    await desk.get_by_role("dialog").get_by_role("button", name="End the event").click()
    for tab in (desk, phone):
        await expect(tab.locator("#join-error")).to_contain_text("The event has ended.")


def create_room(daemon: Daemon, **settings: str) -> None:
    """Makes a room over REST, as the backend of the development tenant."""
    request = urllib.request.Request(
        f"{daemon.url}/v1/rooms",
        data=json.dumps(settings).encode(),
        headers={
            "Content-Type": "application/json",
            "Authorization": "Bearer dev:dev-secret-do-not-use-in-production",
        },
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        assert response.status == 201
