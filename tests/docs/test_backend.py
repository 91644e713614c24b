"""The example of a backend runs."""

import asyncio
import importlib.util
import socket
import sys
import time
from pathlib import Path
from types import ModuleType

import httpx
import pytest
import uvicorn

from sfu.process import HttpServer
from tests.signaling.listening import ask
from tests.signaling.test_websocket import connect
from tests.waiting import until

SOURCE = Path(__file__).parents[2] / "docs" / "backend.py"


def example(monkeypatch: pytest.MonkeyPatch, folder: Path, port: int) -> ModuleType:
    monkeypatch.setenv("SHOP_STORE", str(folder / "shop.sqlite"))
    monkeypatch.setenv("SHOP_UDP_PORT", "0")
    monkeypatch.setenv("SHOP_ADDRESS", f"http://127.0.0.1:{port}")
    spec = importlib.util.spec_from_file_location("backend_example", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


async def test_the_shop_sells_a_ticket_and_writes_an_invoice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    shop = example(monkeypatch, tmp_path, port)
    http = HttpServer(uvicorn.Config(shop.shop, log_config=None, ws="websockets-sansio"))
    task = asyncio.create_task(http.serve(sockets=[listener]))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            made = (await client.post("/events/talk")).json()
            assert made == {"room": "talk", "state": "preparing"}
            assert (await client.post("/events/talk")).json() == made
            ticket = (await client.post("/events/talk/tickets/ann")).json()
            async with connect(f"127.0.0.1:{port}/sfu") as guest:
                joined = await ask(guest, "join", room="talk", token=ticket["token"])
                assert (joined["type"], joined["status"]) == ("ok", "waiting")
                assert (await client.post("/events/talk/open")).status_code == 200
                await until(
                    lambda: any(each["event"] == "participant.joined" for each in shop.heard)
                )
            await client.post("/events/talk/close")
            (line,) = (await client.get("/events/talk/invoice")).json()
            assert line == "ann: 0.0 min, 0.00 EUR"
            forged = await client.post("/webhooks", json={}, headers={"Sfu-Signature": "t=1,v1=0"})
            assert forged.status_code == 401
        assert shop.heard[0]["event"] == "room.created"
        assert not shop.signed("t=1,v1=00", b"{}", time.time())
    finally:
        http.should_exit = True
        await task
        listener.close()
