"""The check before joining where devices do not work: a refused camera, a silent microphone.

What such a browser says is Chromium's own; the way to the server is another test's.
"""

import json
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, Route, async_playwright

from sfu.bench.call.browser import executable
from tests.calls.conftest import CHROMIUM_ARGUMENTS
from tests.calls.daemon import Daemon

pytestmark = pytest.mark.asyncio(loop_scope="session")

VERDICTS = [{"name": "audio", "watch": "good", "present": "good"}]
MODULE = f"""
export {{ checkCamera, checkMicrophone, playTone }} from './preflight-devices.js';
export async function preflight() {{ return {{ over: 'udp', verdicts: {json.dumps(VERDICTS)} }}; }}
"""


@pytest_asyncio.fixture(loop_scope="session")
async def tab(daemon: Daemon, tmp_path: Path) -> AsyncIterator[Page]:
    """The page, with leave for the microphone alone, which hears nothing."""
    silence = tmp_path / "silence.wav"
    with wave.open(str(silence), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(bytes(2 * 48_000))
    # Without the flag that says yes to everything, Chromium asks, and goes by what was granted.
    flags = [each for each in CHROMIUM_ARGUMENTS if each != "--use-fake-ui-for-media-stream"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable(),
            args=[*flags, f"--use-file-for-fake-audio-capture={silence}"],
            ignore_default_args=["--headless"],
        )
        context = await browser.new_context()
        await context.grant_permissions(["microphone"], origin=daemon.url)
        page = await context.new_page()

        async def way(route: Route) -> None:
            await route.fulfill(body=MODULE, content_type="text/javascript")

        async def devices(route: Route) -> None:
            script = await (await route.fetch()).text()
            hurried = script.replace("LISTENING = 3_000", "LISTENING = 500")
            assert hurried != script
            await route.fulfill(body=hurried, content_type="text/javascript")

        await page.route("**/static/preflight.js", way)
        await page.route("**/static/preflight-devices.js", devices)
        await page.goto(f"{daemon.url}/preflight")
        yield page
        await browser.close()


async def test_what_does_not_work_is_said_plainly(tab: Page) -> None:
    await tab.click("#start")
    await tab.wait_for_selector("#start:enabled")
    found: Any = await tab.evaluate(
        """Object.fromEntries(['camera', 'microphone'].map((id) => [id, [
             document.getElementById(id).dataset.state,
             document.getElementById(id).querySelector('.found').textContent]]))"""
    )
    assert found["camera"][0] == "bad"
    assert found["camera"][1].startswith("Refused: allow it in the browser")
    assert found["microphone"][0] == "doubtful"
    assert found["microphone"][1].endswith(": nothing was heard. Is it muted?")
    summary = await tab.text_content("#summary")
    assert summary is not None
    assert summary.startswith("Your connection is ready for every kind of call.")
    assert "But see to your camera and your microphone: above it says what to do." in summary
    await tab.click("[data-heard=no]")
    assert "your microphone, and your speaker" in (await tab.text_content("#summary") or "")
