"""The server inside another program."""

import asyncio
import socket
from collections.abc import MutableMapping
from typing import Any

import pytest
from fastapi import FastAPI

import sfu
from sfu.commands import Leave
from sfu.config import load
from sfu.events import ParticipantJoined, RoomOpened
from sfu.server import Server
from tests.signaling.listening import ask, listening, settings
from tests.signaling.test_websocket import connect


async def test_it_runs_inside_another_program() -> None:
    async with listening() as (server, host):
        events = server.events()
        first = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        async with connect(host) as client:
            joined = await ask(client, "join", room="hall", role="presenter")
            id = joined["participant"]["id"]
            opened, came = await first, await anext(events)
            assert isinstance(opened.change, RoomOpened)
            assert isinstance(came.change, ParticipantJoined)
            assert came.change.participant.id == id
            live = server.rooms.find("dev", "hall")
            assert live is not None
            live.execute(Leave(id, "removed"), None)
            assert not live.room.participants


async def test_it_says_farewell_when_it_ends() -> None:
    async with listening() as (server, host):
        client = await connect(host)
        await ask(client, "join", room="hall")
        await server.__aexit__(None, None, None)
        await client.wait_closed()
        assert client.close_code == 1001


async def test_the_media_port_is_given_back() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = settings(SFU_MEDIA__UDP_PORT=str(port), SFU_MEDIA__HOST="127.0.0.1")
    for _ in range(2):
        async with Server(config, dev=True):
            with (
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
                pytest.raises(OSError, match="in use"),
            ):
                other.bind(("127.0.0.1", port))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", port))
        with pytest.raises(OSError, match="in use"):
            await Server(config, dev=True).__aenter__()


def test_it_can_be_mounted_before_it_starts() -> None:
    app = FastAPI()
    app.mount("/sfu", sfu.Server(load(None, {}, dev=True), dev=True).asgi)
    assert sfu.Server is Server


async def test_the_socket_is_found_where_it_is_mounted() -> None:
    app = FastAPI()
    app.mount("/sfu", Server(load(None, {}, dev=True), dev=True).asgi)
    sent: list[str] = []
    frames = iter([{"type": "websocket.connect"}, {"type": "websocket.receive", "text": "{}"}])
    answered = asyncio.Event()

    async def receive() -> dict[str, object]:
        if (frame := next(frames, None)) is not None:
            return dict(frame)
        await answered.wait()
        return {"type": "websocket.disconnect", "code": 1000}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "websocket.send":
            sent.append(message["text"])
            answered.set()

    scope = {"type": "websocket", "path": "/sfu/v1/signal", "root_path": "", "headers": []}
    async with asyncio.timeout(10):
        await app({**scope, "query_string": b"", "subprotocols": ["sfu.v1"]}, receive, send)
    assert "bad_request" in sent[0]


def test_unknown_names_are_unknown() -> None:
    with pytest.raises(AttributeError):
        sfu.Nothing  # noqa: B018
