"""TLS that is begun and not ended, and HTTP behind that which is, on both event loops."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop
from websockets.asyncio.client import connect

from sfu.config import load
from sfu.daemon import Daemon
from sfu.process import HttpServer, _uvicorn
from sfu.tls import Tls
from tests.sfu.authority import Authority
from tests.waiting import until

Run = Callable[[Coroutine[Any, Any, None]], None]
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
loops = pytest.mark.parametrize("run", [asyncio.run, uvloop.run])


@contextlib.asynccontextmanager
async def listening(folder: Path, **environ: str) -> AsyncIterator[tuple[Daemon, int]]:
    """As `sfu serve` does with a certificate, without media; nobody is exempt."""
    certificate, key = Authority().issue(folder, "localhost")
    files = {"SFU_SERVER__CERTIFICATE": str(certificate), "SFU_SERVER__KEY": str(key)}
    daemon = Daemon(load(None, files | environ, dev=True), dev=True)
    daemon.sockets.addresses.exempt = lambda address: False  # type: ignore[method-assign]  # loopback is
    server = HttpServer(_uvicorn(daemon, Tls(daemon.settings.server)))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await until(lambda: server.started)
            yield daemon, listener.getsockname()[1]
        finally:
            server.should_exit = True
            await task
    assert not daemon.sockets.addresses.connections
    assert daemon.sockets.addresses.connected == 0


def trust() -> ssl.SSLContext:
    """Whatever certificate: this is not about whose it is."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def ask(port: int) -> bytes:
    """An answer over TLS, or nothing where there is none."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust())
    except (OSError, ssl.SSLError):
        return b""
    writer.write(REQUEST)
    answer = await reader.readline()
    writer.close()
    return answer


async def ended(reader: asyncio.StreamReader) -> None:
    """Until the server has closed; whatever it says before."""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(5):
            await reader.read()


def hello() -> bytes:
    """The beginning of a handshake."""
    to_server = ssl.MemoryBIO()
    client = trust().wrap_bio(ssl.MemoryBIO(), to_server, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return to_server.read()


@loops
def test_http_and_sockets_follow_a_handshake(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with listening(tmp_path) as (daemon, port):
            assert await ask(port) == b"HTTP/1.1 200 OK\r\n"
            url = f"wss://127.0.0.1:{port}/v1/signal"
            async with connect(url, ssl=trust()) as client:
                await client.send('{"type": "ping", "id": 1}')
                assert '"ok"' in str(await client.recv())
                assert daemon.sockets.addresses.connected == 0
                assert daemon.sockets.addresses.total == 1

    run(scenario())


@loops
@pytest.mark.parametrize("said", ["nothing", "half", "hello"])
def test_who_does_not_finish_the_handshake_is_counted_and_closed(
    run: Run, said: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with listening(tmp_path, SFU_LIMITS__REQUEST_TIMEOUT="0.2") as (daemon, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write({"nothing": b"", "half": hello()[:100], "hello": hello()}[said])
            await until(lambda: daemon.sockets.addresses.connected == 1)
            await ended(reader)
            writer.close()
            assert daemon.sockets.connections_refused["request_timeout"] == 1
            assert daemon.sockets.addresses.connected == 0

    run(scenario())


@loops
def test_what_is_no_handshake_ends_at_once(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with listening(tmp_path) as (daemon, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(REQUEST)
            await ended(reader)
            writer.close()
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            await until(lambda: daemon.sockets.addresses.connected == 1)
            writer.transport.abort()
            await until(lambda: daemon.sockets.addresses.connected == 0)
            assert daemon.sockets.connections_refused.total() == 0

    run(scenario())


@loops
def test_those_of_an_address_and_all_are_bounded(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        bounds = {
            "SFU_LIMITS__CONNECTIONS": "3",
            "SFU_LIMITS__CONNECTIONS_PER_ADDRESS": "2",
        }
        async with listening(tmp_path, **bounds) as (daemon, port):
            refused, held = daemon.sockets.connections_refused, []
            for _ in range(2):
                held.append(await asyncio.open_connection("127.0.0.1", port))
                await until(lambda: daemon.sockets.addresses.connected == len(held))
            assert await ask(port) == b""
            assert refused["connections_per_address"] == 1
            daemon.sockets.addresses.exempt = lambda address: True  # type: ignore[method-assign]  # likewise
            held.append(await asyncio.open_connection("127.0.0.1", port))
            await until(lambda: daemon.sockets.full)
            assert await ask(port) == b""
            assert refused["connections"] == 1
            monkeypatch.setattr("sfu.unfinished.PATIENCE", 0.0)
            assert await ask(port) == b"HTTP/1.1 200 OK\r\n"
            await ended(held[0][0])
            for _, writer in held:
                writer.close()

    run(scenario())
