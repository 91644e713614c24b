"""Chromium at one end of the link, and the pages in it."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from sfu.bench.call.film import FPS
from sfu.bench.emulator.namespace import Namespace

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page, Playwright

ARGUMENTS: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
)
UNWANTED: Final = (
    # The address bar's, which cost each page two processes and thrice the time of the rest.
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    # Chromium goes by the last list it is given: these are Playwright's own.
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "AimEnabled",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)
"""Features of Chromium that are switched off."""
SCRIPT: Final = Path(__file__).with_name("page.js")
PATIENCE: Final = 30.0
"""Seconds until a page must be connected."""


class BrowserError(Exception):
    """No browser can be started; the message says what is missing."""


def arguments(fps: int) -> list[str]:
    """What Chromium is started with; its fake camera makes so many pictures a second."""
    camera = f"--use-fake-device-for-media-stream=fps={fps}"
    return [*ARGUMENTS, camera, f"--disable-features={','.join(UNWANTED)}"]


def executable() -> str:
    """Chromium's program. Raises BrowserError."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        raise BrowserError("Chromium is missing (Debian: apt-get install chromium)")
    return found


@asynccontextmanager
async def driver() -> AsyncIterator["Playwright"]:
    """What drives browsers. Raises BrowserError."""
    try:
        from playwright.async_api import async_playwright
    except ImportError:
        raise BrowserError("playwright is missing: pip install 'open-sfu[bench]'") from None
    async with async_playwright() as playwright:
        yield playwright


async def launch(
    playwright: "Playwright", namespace: Namespace, folder: Path, *more: str
) -> "Browser":
    """A browser whose network is the namespace; `folder` takes the script that starts it there."""
    return await playwright.chromium.launch(
        executable_path=namespace.wrapper(folder, executable()),
        args=[*arguments(FPS), *more],
        ignore_default_args=["--headless"],
    )


async def enter(
    browser: "Browser", url: str, room: str, name: str, role: str, quality: str
) -> "Page":
    """A page of its own that has joined the room and is about to receive.

    `quality` is what the page asks for: a height in pixels, or "off" for no pictures.
    """
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    page = await context.new_page()
    await page.add_init_script(path=SCRIPT)
    query = {"room": room, "name": name, "role": role, "autojoin": "1", "quality": quality}
    await page.goto(f"{url}/?{urlencode(query)}")
    await _until(page, "globalThis.sfu?.state.receive === 'connected'")
    await page.evaluate("bench.listen()")
    return page


async def publish(page: "Page", *calls: str) -> None:
    """Runs calls such as `publishCamera()` and waits until media can flow."""
    for call in calls:
        await page.evaluate(f"sfu.{call}")
    await _until(page, "sfu.state.publish === 'connected'")


async def report(page: "Page") -> dict[str, Any]:
    """What a viewer's page has seen so far (`report` of page.js)."""
    seen: dict[str, Any] = await page.evaluate("bench.report()")
    return seen


async def _until(page: "Page", expression: str) -> None:
    # The page's content security policy forbids what Playwright's own waiting does.
    deadline = time.monotonic() + PATIENCE
    while not await page.evaluate(expression):
        if time.monotonic() > deadline:
            state = await page.evaluate("[globalThis.sfu?.state, document.body.innerText]")
            raise BrowserError(f"{expression} does not come true: {state}")
        await asyncio.sleep(0.1)
