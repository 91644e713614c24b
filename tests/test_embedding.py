"""What docs/embedding.md says: its code runs, and its shop sells, hears and bills."""

import asyncio
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection

from tests.signaling.listening import ask
from tests.signaling.test_websocket import connect

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
STAY = 4.0
PRICE = 60.0
"""Of a minute, so that a second has a price that can be seen."""
SHOP = re.compile(r"(\w+): ([\d.]+) min, ([\d.]+) EUR")


def test_the_code_on_the_page_runs(tmp_path: Path) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    (tmp_path / "example.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "example.py"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if not re.match(r"\d{4}-|{", line)]
    wanted = ["people: 0 locked: True", "talk RoomOpened", "talk LockChanged", "talk RoomEnded"]
    assert [line for line in lines if line in wanted] == wanted


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[str]:
    """Its address; run as the page says."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    command = "uvicorn docs.backend:shop --ws websockets-sansio"
    assert command in PAGE
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command.split(), "--port", str(port)],
            cwd=ROOT,
            env={
                **os.environ,
                "SHOP_SECRET": "of-the-test-32-bytes-and-a-few-more",
                "SHOP_STORE": str(tmp_path / "shop.sqlite"),
                "SHOP_UDP_PORT": "0",
                "SHOP_PRICE": str(PRICE),
                "SHOP_ADDRESS": f"http://127.0.0.1:{port}",
            },
            stderr=log,
            stdout=log,
        )
    try:
        _wait(f"http://127.0.0.1:{port}/sfu/readyz", process)
        yield f"127.0.0.1:{port}"
        process.terminate()
        assert process.wait(20) is not None
        log_text = (tmp_path / "log").read_text()
        assert "Traceback" not in log_text, log_text
    finally:
        process.kill()
        process.wait()


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the shop did not open")


async def enter(shop: httpx.AsyncClient, guest: ClientConnection, name: str) -> dict[str, Any]:
    ticket = (await shop.post(f"/events/talk/tickets/{name}")).raise_for_status().json()
    return await ask(guest, "join", room="talk", token=ticket["token"])


async def test_a_paid_event_from_its_making_to_its_invoice(shop: str) -> None:
    async with httpx.AsyncClient(base_url=f"http://{shop}", timeout=10) as client:
        assert (await client.post("/events/talk")).json() == {"room": "talk", "state": "preparing"}
        async with connect(f"{shop}/sfu") as ann, connect(f"{shop}/sfu") as bob:
            assert (await enter(client, ann, "ann"))["status"] == "waiting"
            # Without a ticket nobody comes in, not even to wait.
            assert (await ask(bob, "join", room="talk"))["type"] == "error"
            (await client.post("/events/talk/open")).raise_for_status()
            opened = time.monotonic()
            assert (await enter(client, bob, "bob"))["status"] == "admitted"
            await asyncio.sleep(STAY)
            assert (await ask(bob, "leave"))["type"] == "ok"
            await asyncio.sleep(STAY / 2)
            (await client.post("/events/talk/close")).raise_for_status()
            longest = time.monotonic() - opened
        found = [SHOP.fullmatch(line) for line in (await client.get("/events/talk/invoice")).json()]
        prices = {each[1]: float(each[3]) for each in found if each}
        assert len(found) == len(prices) == 2
        second = PRICE / 60
        assert STAY * second <= prices["bob"] <= prices["ann"] - STAY / 2 * second + 0.5
        assert 1.5 * STAY * second <= prices["ann"] <= longest * second + 0.5
        events = await heard(client)
        assert events == [
            "room.created",
            "participant.waiting",
            "room.started",
            "room.unlocked",
            "participant.joined",
            "participant.joined",
            "participant.left",
            "usage",
            "participant.left",
            "usage",
            "room.ended",
            "usage",
        ]
        forged = await client.post("/webhooks", json={}, headers={"Sfu-Signature": "t=1,v1=0"})
        assert forged.status_code == 401


async def heard(client: httpx.AsyncClient) -> list[str]:
    """What the shop has heard by webhooks, once the event's own usage record is among it."""
    async with asyncio.timeout(20):
        while True:
            events: list[str] = (await client.get("/events/talk/news")).json()
            if events.count("usage") == 3:
                return events
            await asyncio.sleep(0.1)
