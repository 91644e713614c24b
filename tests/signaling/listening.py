"""A server that listens: real HTTP, real sockets, a real packet worker."""

import asyncio
import contextlib
import json
import os
import socket
import tempfile
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from websockets.asyncio.client import ClientConnection

from sfu.config import Settings, load
from sfu.process import HttpServer
from sfu.server import Server


def settings(**environ: str) -> Settings:
    """Development settings on ports that the system chooses."""
    store = os.path.join(tempfile.mkdtemp(prefix="sfu-test-"), "sfu.sqlite")
    standard = {"SFU_MEDIA__UDP_PORT": "0", "SFU_STORE__PATH": store}
    return load(None, standard | environ, dev=True)


@contextlib.asynccontextmanager
async def listening(
    config: Settings | None = None, *, start: bool = True
) -> AsyncIterator[tuple[Server, str]]:
    """The server and its address, without scheme."""
    server = Server(config or settings(), dev=True)
    http = HttpServer(
        uvicorn.Config(
            server.asgi,
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            ws_max_size=server.settings.limits.frame_bytes,
            lifespan="off",
            log_config=None,
        )
    )
    listener = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(http.serve(sockets=[listener]))
    try:
        async with server if start else contextlib.nullcontext():
            while not http.started:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            yield server, f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        http.should_exit = True
        await task
        listener.close()


async def ask(socket: ClientConnection, type: str, **fields: Any) -> dict[str, Any]:
    """A request and its answer; events in between are thrown away."""
    await socket.send(json.dumps({"type": type, "id": 1, **fields}))
    async with asyncio.timeout(5):
        while True:
            frame: dict[str, Any] = json.loads(await socket.recv())
            if "id" in frame:
                return frame


async def kill(server: Server) -> None:
    """As `kill -9` would, once all that has been recorded is durable: nothing is said or done any
    more, and nobody waits for the last word on who is leaving."""
    daemon = server._daemon
    journal = daemon.journal
    assert journal is not None
    if journal.written is not None:
        await journal.written
    server.rooms.journal = daemon.journal = None
    assert daemon._delivery is not None
    daemon._delivery.cancel()
    await asyncio.gather(daemon._delivery, return_exceptions=True)
    assert daemon._webhooks is not None
    await daemon._webhooks.close(0)
    await journal.store.close()
