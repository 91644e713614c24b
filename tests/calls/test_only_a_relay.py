"""Checks before joining from a network where nothing but a relay (coturn) leads to the server: by
`sfu doctor --server`, and by the page in Chromium."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.calls.conftest import ChromiumPage, chromium_there, listen
from tests.calls.daemon import ROOT, Daemon
from tests.calls.guest import Guest
from tests.calls.network import HERE, Network, elsewhere
from tests.calls.turn_server import turn_server

pytestmark = pytest.mark.long

SECRET = "a-secret-that-only-servers-know"
STATE = "document.getElementById('{}').dataset.state"


@contextlib.contextmanager
def server(folder: Path) -> Iterator[str]:
    """That is reached from the network there by HTTP and by a relay alone; gives its URL."""
    with turn_server(folder, HERE, SECRET) as (port, _):
        daemon = Daemon(
            folder,
            SFU_SERVER__HOST="0.0.0.0",
            # Which is another machine there.
            SFU_MEDIA__ANNOUNCED_ADDRESSES='["127.0.0.1"]',
            SFU_TURN__URLS=json.dumps([f"turn:{HERE}:{port}?transport=udp"]),
            SFU_TURN__SECRET=SECRET,
        )
        daemon.start()
        try:
            yield f"http://{HERE}:{daemon.port}"
        finally:
            daemon.finish()


async def test_both_measure_over_the_relay(tmp_path: Path) -> None:
    """At the same time, as most of it is waiting for what does not come."""
    with elsewhere() as network, server(tmp_path) as url:
        await asyncio.gather(doctor(network, url), page(network, url, tmp_path))


async def doctor(network: Network, url: str) -> None:
    command = [*network.within, sys.executable, "-m", "sfu", "doctor", "--server", url]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
    printed = (await process.communicate())[0].decode()
    assert process.returncode == 1, "UDP does not get there"
    lines = [line.split(maxsplit=1) for line in printed.splitlines() if line.strip()]
    found = {words: level for level, words in (line for line in lines if len(line) == 2)}
    relayed = next(words for words in found if words.startswith("media by a relay"))
    assert "were carried" in relayed, printed
    assert any(words.startswith("call: ") for words in found), printed


async def page(network: Network, url: str, folder: Path) -> None:
    async with chromium_there(network, url, folder) as browser:
        tab = await browser.new_page(viewport={"width": 1280, "height": 1100})
        guest = Guest(ChromiumPage(tab), url, "", "Ann", "attendee")
        listen(tab, guest)
        await tab.goto(f"{url}/preflight")
        await tab.click("#start")
        report: Any = await guest.until("window.report ?? null", lambda it: it is not None, 60)
        states = {way: await guest.evaluate(STATE.format(way)) for way in report["ways"]}
        summary = await tab.inner_text("#summary")
        if shots := os.environ.get("SFU_SCREENSHOTS"):
            await tab.screenshot(path=f"{shots}/preflight-relay.png", full_page=True)
    ways = {way: (found["reached"], found["reason"]) for way, found in report["ways"].items()}
    assert ways == {"udp": (False, "timeout"), "tcp": (False, "timeout"), "relay": (True, "")}
    assert states == {"udp": "doubtful", "tcp": "bad", "relay": "good"}
    assert report["over"] == "relay"
    assert report["media"]["down"]["bandwidth"] > 0
    verdicts = {each["name"]: each["watch"] for each in report["verdicts"]}
    assert verdicts["audio"] != "no"
    assert "by a relay" in summary
    assert guest.troubles == []
