"""Runs one call over a link and records it."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sfu.bench.call import browser, film
from sfu.bench.call.timeline import Row, Timeline
from sfu.bench.daemon import Daemon
from sfu.bench.emulator.link import NEAR, Link
from sfu.bench.trace import Trace

if TYPE_CHECKING:
    from playwright.async_api import Page, Playwright

EVERY: Final = 0.5
"""Seconds from report to report."""
ROOM: Final = "call"
VIEWER: Final = "viewer"
SCREEN: Final = "screen"
SETTLED: Final = 2.0
"""Seconds for which all pictures must be large before a settled call begins its trace."""
SETTLE_PATIENCE: Final = 20.0

Progress = Callable[[str, float], None]
"""Is told what is going on, and how far it is (0 to 1)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is called over which link."""

    trace: Trace
    cameras: int = 3
    screen: bool = True
    camera_bps: int = 350_000
    """Of the large layer of each camera, 640x360; the small one has two sevenths of it."""
    settle: bool = True
    """Whether the trace begins when all is shown at its best, or else with the viewer's join."""


async def run(plan: Plan, progress: Progress) -> Timeline:
    """Holds the call. Raises NamespaceError, ProcessError or BrowserError."""
    async with contextlib.AsyncExitStack() as stack:
        playwright = await stack.enter_async_context(browser.driver())
        link = stack.enter_context(Link(plan.trace))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sfu-call-")))
        with link.near.entered():
            settings = {"SFU_SERVER__HOST": "0.0.0.0", "SFU_MEDIA__ANNOUNCED_ADDRESSES": NEAR}
            daemon = stack.enter_context(Daemon(None, settings))
        progress("publishing", 0)
        cameras = await _publish(plan, playwright, link, daemon, folder)
        viewer = await _view(playwright, link, daemon, folder)
        timeline = Timeline(plan.trace, cameras[0], cameras, SCREEN if plan.screen else None)
        call = _Call(plan, link, daemon, viewer, timeline)
        if plan.settle:
            await call.settle(progress)
        await call.record(progress)
        return timeline


async def _publish(
    plan: Plan, playwright: "Playwright", link: Link, daemon: Daemon, folder: Path
) -> list[str]:
    """Lets the publishers in, who speaks first; gives their slots."""
    camera = film.write(folder / "camera.y4m")
    argument = f"--use-file-for-fake-video-capture={camera}"
    chromium = await browser.launch(playwright, link.near, folder, argument)
    url = f"http://localhost:{daemon.port}"
    slots = []
    for number in range(plan.cameras):
        role = "organizer" if number == 0 else "presenter"
        page = await browser.enter(chromium, url, ROOM, f"publisher {number}", role, "off")
        # Who is not heard is not forwarded, so only the first one has a microphone.
        calls = ["publishMicrophone()"] if number == 0 else []
        await browser.publish(page, *calls, "publishCamera({quality: 'sd'})")
        await page.evaluate(f"bench.limit({plan.camera_bps})")
        if number == 0 and plan.screen:
            await browser.publish(page, "publishScreen({track: bench.text()})")
        slots.append(f"seat-{await page.evaluate('sfu.participant.seat')}")
    return slots


async def _view(playwright: "Playwright", link: Link, daemon: Daemon, folder: Path) -> "Page":
    url = f"http://{NEAR}:{daemon.port}"
    # Nothing but loopback and https is a secure context otherwise.
    argument = f"--unsafely-treat-insecure-origin-as-secure={url}"
    chromium = await browser.launch(playwright, link.far, folder, argument)
    return await browser.enter(chromium, url, ROOM, VIEWER, "attendee", "720")


class _Call:
    """A call under way."""

    def __init__(
        self, plan: Plan, link: Link, daemon: Daemon, viewer: "Page", timeline: Timeline
    ) -> None:
        self._plan = plan
        self._link = link
        self._daemon = daemon
        self._viewer = viewer
        self._timeline = timeline
        # The browser's clock is the wall clock, the link's and ours the monotonic one.
        self._wall = time.time() - time.monotonic()

    async def settle(self, progress: Progress) -> None:
        """Waits until all pictures are as large as they get."""
        begin = time.monotonic()
        while (passed := time.monotonic() - begin) < SETTLE_PATIENCE:
            progress("settling", passed / SETTLE_PATIENCE)
            await self._observe()
            since = time.monotonic() - SETTLED
            if self._timeline.complete_at(since - 10 * EVERY, self._full(), SETTLED) is not None:
                return
            await asyncio.sleep(EVERY)

    def _full(self) -> dict[str, int]:
        full = dict.fromkeys(self._timeline.cameras, film.HEIGHT)
        return full | ({SCREEN: 1} if self._plan.screen else {})

    async def record(self, progress: Progress) -> None:
        """Runs the trace through."""
        begin = self._link.start()
        seconds = self._plan.trace.seconds
        for number in range(1, int(seconds / EVERY) + 1):
            await self._observe()
            progress("calling", number * EVERY / seconds)
            await asyncio.sleep(max(0.0, begin + number * EVERY - time.monotonic()))
        await self._observe()
        self._timeline.link = self._link.truth()
        for row in (*self._timeline.link, *self._timeline.viewer, *self._timeline.server):
            row["at"] = round(row["at"] - begin, 3)

    async def _observe(self) -> None:
        now = time.monotonic()
        with self._link.near.entered():
            self._timeline.server.append({"at": now, **path_of(VIEWER, self._daemon.media(ROOM))})
        row: Row = await browser.report(self._viewer)
        row["at"] = row["at"] / 1000 - self._wall
        self._timeline.viewer.append(row)


def path_of(name: str, media: list[dict[str, Any]]) -> dict[str, float]:
    """What the server thinks of somebody's path, of the media of all; the numbers in it."""
    for person in media:
        if person["name"] == name and person["receive"] and person["receive"]["path"]:
            path: dict[str, float] = person["receive"]["path"]
            return {key: value for key, value in path.items() if not isinstance(value, bool)}
    return {}
