"""A person in a room: a page of Chromium, driven by Playwright, or of Firefox."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import urlencode

from tests.calls.network import still
from tests.calls.pattern import FRAMES, QUADRANTS

PATIENCE = 20.0
"""Seconds that a wait may take: what takes long here is starting cameras on a busy machine."""
TOLERANCE = 48
"""How far a received colour may be from the sent one, per channel."""

Json = Any


class Page(Protocol):
    """What both browsers can do."""

    async def evaluate(self, script: str) -> Json:
        """Runs an expression in the page, awaits it, and gives its value."""

    async def goto(self, url: str) -> None:
        """Opens an address."""

    async def close(self) -> None:
        """Ends the page."""


class Guest:
    """One person, by page and name. `troubles` holds what the console complained about."""

    def __init__(self, page: Page, url: str, room: str, name: str, role: str) -> None:
        self.page = page
        self.name = name
        self.room = room
        self.role = role
        self.url = url
        self.troubles: list[str] = []

    async def enter(self, **parameters: str) -> None:
        """Opens the page, which joins by itself, and waits for the media connection."""
        query = {"room": self.room, "name": self.name, "role": self.role, "autojoin": "1"}
        # Without this the page asks for the layers that fit its tiles, besides the test.
        query["quality"] = "none"
        async with still():
            await self.page.goto(f"{self.url}/?{urlencode({**query, **parameters})}")
            await self.until("sfu.state.receive", "connected")

    async def evaluate(self, script: str) -> Json:
        """Runs an expression in the page."""
        return await self.page.evaluate(script)

    async def publish(self, *calls: str) -> None:
        """Publishes, such as `publishCamera()`, and waits for the media connection."""
        for call in calls:
            await self.evaluate(f"sfu.{call}")
        await self.evaluate("probe.keepResolution()")
        await self.until("sfu.state.publish", "connected")

    async def view(self, slot: str, height: int) -> None:
        """Asks for a slot's picture at most this high."""
        await self.evaluate(f"sfu.view({{slots: {{'{slot}': {{max_height: {height}}}}}}})")

    async def inbound(self, slot: str, kind: str) -> Json:
        """The slot's inbound-rtp report; numbers that are not there yet are left out."""
        return await self.evaluate(f"probe.inbound('{slot}', '{kind}')") or {}

    async def outbound(self, kind: str) -> list[Json]:
        """The outbound-rtp reports of a kind, smallest layer first."""
        layers: list[Json] = await self.evaluate(f"probe.outbound('{kind}')")
        return layers

    async def diagnosis(self) -> str:
        """What the browser counts, for a failed test's report."""
        reports = """(async () => {
            const kinds = ['inbound-rtp', 'outbound-rtp', 'candidate-pair'];
            const both = [sfu.publishConnection, sfu.receiveConnection];
            const stats = await Promise.all(both.map((one) => one?.getStats() ?? []));
            const entries = stats.flatMap((one) => [...one.values()]);
            const state = [sfu.state, sfu.participant, [...sfu.slots]];
            return JSON.stringify([state, ...entries.filter((one) => kinds.includes(one.type))]);
        })()"""
        try:
            return str(await self.evaluate(reports))
        except Exception as error:  # A page that cannot answer is a finding, too.
            return f"cannot be asked: {error}"

    async def seat(self) -> str:
        """The slot of the own seat."""
        return f"seat-{await self.evaluate('sfu.participant.seat')}"

    async def until(self, script: str, wanted: Json, patience: float = PATIENCE) -> Json:
        """Waits until an expression has a value, or a predicate holds for it; gives the value."""
        holds: Callable[[Json], bool] = wanted if callable(wanted) else lambda it: it == wanted
        deadline = time.monotonic() + patience
        while not holds(value := await self.evaluate(script)):
            if time.monotonic() > deadline:
                what = getattr(wanted, "__doc__", None) if callable(wanted) else repr(wanted)
                raise AssertionError(f"{self.name}: {script} is {value!r}, not {what or wanted}")
            await asyncio.sleep(0.1)
        return value

    async def until_height(self, slot: str, height: int, patience: float = PATIENCE) -> None:
        """Waits until the slot's decoded picture has this height."""
        inbound = f"probe.inbound('{slot}', 'video')"
        await self.until(f"{inbound}.then((each) => each?.frameHeight)", height, patience)

    async def until_grown(self, slot: str, kind: str, field: str, by: float) -> None:
        """Waits until a field of the slot's report has grown by so much from now on."""
        start = (await self.inbound(slot, kind)).get(field, 0)
        field_now = f"probe.inbound('{slot}', '{kind}').then((each) => each?.{field} ?? 0)"
        await self.until(field_now, lambda value: value >= start + by)

    async def until_pattern(self, slot: str) -> Json:
        """Waits until the tile shows the camera's pattern; gives what was read."""
        return await self.until(f"probe.picture('{slot}')", shows_pattern)

    async def until_colour(self, slot: str, colour: tuple[int, int, int]) -> None:
        """Waits until the tile's picture is of one colour (see `plain` in probe.js)."""
        await self.until(
            f"probe.picture('{slot}')",
            lambda picture: picture is not None and near(picture["top_left"], colour),
        )

    async def until_resting(self, slot: str, kind: str) -> None:
        """Waits until no packet of the slot arrives for a whole second."""
        received = f"probe.inbound('{slot}', '{kind}').then((each) => each?.packetsReceived ?? 0)"
        deadline = time.monotonic() + PATIENCE
        before = await self.evaluate(received)
        while True:
            await asyncio.sleep(1.0)
            now = await self.evaluate(received)
            if now == before:
                return
            assert time.monotonic() < deadline, f"{self.name}: {slot} {kind} still gets packets"
            before = now


def shows_pattern(picture: Json) -> bool:
    """the camera's pattern, as read by probe.js"""
    return (
        picture is not None
        and 0 <= picture["number"] < FRAMES
        and all(near(picture[place], colour) for place, colour in QUADRANTS.items())
    )


def near(seen: list[int], wanted: tuple[int, int, int]) -> bool:
    """Whether two colours are the same but for coding and colour conversion."""
    return all(abs(one - other) <= TOLERANCE for one, other in zip(seen, wanted, strict=True))
