"""Sockets that are refused, at the door and behind a proxy."""

import asyncio
import contextlib
import logging
import re
import socket
import time
from collections.abc import AsyncIterator

import pytest
from uvicorn.middleware.proxy_headers import _TrustedHosts
from uvicorn.protocols.websockets import websockets_sansio_impl
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from sfu import unfinished
from sfu.clock import Clock
from sfu.config import load
from sfu.daemon import Daemon
from sfu.process import HttpServer, _uvicorn
from sfu.signaling.websocket import CONNECTION_LIMITS
from tests.waiting import until

ONE_SOCKET = {
    "SFU_LIMITS__SOCKETS_PER_ADDRESS": "1",
    "SFU_LIMITS__SOCKETS_PER_SECOND_PER_ADDRESS": "1",
    "SFU_SERVER__TRUSTED_PROXIES": '["127.0.0.1"]',
}


@contextlib.asynccontextmanager
async def listening(**environ: str) -> AsyncIterator[tuple[Daemon, int]]:
    """As `sfu serve` does, without media; one socket a second from an address."""
    daemon = Daemon(load(None, ONE_SOCKET | environ, dev=True), dev=True)
    server = HttpServer(_uvicorn(daemon, None))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
                await asyncio.sleep(0.001)
            yield daemon, listener.getsockname()[1]
        finally:
            server.should_exit = True
            await task


async def request(port: int, path: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    return answer


async def test_a_peer_is_refused_before_its_request_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with listening() as (daemon, port):
        monkeypatch.setattr(daemon.sockets.addresses, "exempt", lambda _: False)
        read: list[str] = []
        monkeypatch.setattr(daemon.sockets, "serve", lambda socket: read.append(socket))
        daemon.sockets.addresses.open("127.0.0.1", daemon.clock.monotonic())
        for path in ("/v1/signal", "/v1/signal?token=x"):
            head = (await request(port, path)).split("\r\n")
            assert head[0] == "HTTP/1.1 429 Too Many Requests"
            assert "Retry-After: 5" in head
        assert not read
        assert daemon.sockets.refused["sockets_per_address"] == 2
        assert (await request(port, "/healthz")).startswith("HTTP/1.1 200 ")
        assert (await request(port, "/v1/signals")).startswith("HTTP/1.1 404 ")


ANSWERED = b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n"
UPGRADE = (
    b"Host: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


@pytest.mark.parametrize("path", [b"/v1/%73ignal", b"/v1/signal"])
async def test_nor_is_one_read_that_looks_otherwise_at_first(
    monkeypatch: pytest.MonkeyPatch, path: bytes
) -> None:
    """By its spelling, or because another comes before it, as when its first bytes come alone."""
    async with listening() as (daemon, port):
        monkeypatch.setattr(daemon.sockets.addresses, "exempt", lambda _: False)
        read: list[str] = []
        monkeypatch.setattr(daemon.sockets, "serve", lambda socket: read.append(socket))
        daemon.sockets.addresses.open("127.0.0.1", daemon.clock.monotonic())
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        if path == b"/v1/signal":
            writer.write(ANSWERED)
            await reader.readuntil(b"}")
        writer.write(b"GET %b HTTP/1.1\r\n" % path + UPGRADE)
        assert await reader.readline() == b"HTTP/1.1 429 Too Many Requests\r\n"
        await reader.read()
        writer.close()
        assert not read
        assert daemon.sockets.refused["sockets_per_address"] == 1
        assert not daemon.sockets.addresses.connections


@pytest.mark.parametrize("proxy", ["127.0.0.1", "::ffff:127.0.0.1"])
async def test_who_comes_through_a_proxy_is_known_by_its_word(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    """A server that listens on both families sees IPv4 in IPv6 (RFC 4291 §2.5.5.2)."""
    monkeypatch.setattr(websockets_sansio_impl, "get_remote_addr", lambda _: (proxy, 4711))
    async with listening() as (daemon, port):
        monkeypatch.setattr(daemon.sockets, "_clock", Clock(lambda: 5.0, time.time))

        async def come(address: str) -> ClientConnection:
            headers = {"X-Forwarded-For": address}
            return await connect(f"ws://127.0.0.1:{port}/v1/signal", additional_headers=headers)

        with caplog.at_level(logging.ERROR):
            async with await come("192.0.2.1"):
                with pytest.raises(InvalidStatus) as refused:
                    await come("192.0.2.1")
                assert refused.value.response.status_code == 429
                assert refused.value.response.headers["Retry-After"] == "5"
                async with await come("192.0.2.2"):
                    assert len(daemon.sockets.newcomers) == 2
            with pytest.raises(InvalidStatus) as refused:
                await come("192.0.2.1")
            assert refused.value.response.headers["Retry-After"] == "1"
        assert daemon.sockets.opened == 2
        assert daemon.sockets.refused["sockets_per_second_per_address"] == 1
        assert not caplog.records


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\n",
        b"POST /v1/rooms HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\n{",
        ANSWERED + b"GET /",
    ],
)
async def test_who_does_not_finish_a_request_is_closed(sent: bytes) -> None:
    async with listening(SFU_LIMITS__REQUEST_TIMEOUT="0.05") as (daemon, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        if sent.startswith(ANSWERED):
            writer.write(ANSWERED)
            await reader.readuntil(b"}")
        writer.write(sent.removeprefix(ANSWERED))
        with contextlib.suppress(ConnectionResetError):
            async with asyncio.timeout(4):  # uvicorn's own timer takes five seconds
                await reader.read()
        writer.close()
        assert not daemon.sockets.addresses.connections
        assert refusals(daemon) == {"request_timeout": 1}


async def test_a_socket_is_no_request_that_is_not_finished() -> None:
    async with (
        listening(SFU_LIMITS__REQUEST_TIMEOUT="0.2") as (_, port),
        connect(f"ws://127.0.0.1:{port}/v1/signal") as socket,
    ):
        await asyncio.sleep(0.3)  # longer than a request may take
        await (await socket.ping())


def refusals(daemon: Daemon) -> dict[str, int]:
    """Connections by why they were refused or closed, as the metrics say."""
    text = daemon.metrics.render().decode()
    found = re.findall(r'^sfu_connections_refused_total{reason="(.*)"} (\S+)$', text, re.MULTILINE)
    assert {reason for reason, _ in found} == set(CONNECTION_LIMITS)
    return {reason: int(float(count)) for reason, count in found if float(count)}


async def test_connections_are_bounded_in_all_and_who_waits_longest_gives_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with listening(SFU_LIMITS__CONNECTIONS="2") as (daemon, port):
        first = await asyncio.open_connection("127.0.0.1", port)
        second = await asyncio.open_connection("127.0.0.1", port)
        await until(lambda: daemon.sockets.full)
        # Nobody has waited for long.
        with contextlib.suppress(ConnectionResetError):
            assert not await request(port, "/healthz")
        assert refusals(daemon) == {"connections": 1}
        monkeypatch.setattr(unfinished, "PATIENCE", 0.0)
        assert (await request(port, "/healthz")).startswith("HTTP/1.1 200 ")
        assert refusals(daemon) == {"connections": 1}
        with contextlib.suppress(ConnectionResetError):
            assert not await first[0].read()
        second[1].write(ANSWERED)
        assert (await second[0].readline()).startswith(b"HTTP/1.1 200 ")
        for _, writer in (first, second):
            writer.close()


async def test_connections_of_an_address_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(SFU_LIMITS__CONNECTIONS_PER_ADDRESS="2") as (daemon, port):
        addresses = daemon.sockets.addresses
        monkeypatch.setattr(addresses, "exempt", lambda _: False)
        async with connect(f"ws://127.0.0.1:{port}/v1/signal"):
            held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
            for reader, writer in held:
                writer.write(ANSWERED)
                assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
            reader, beyond = await asyncio.open_connection("127.0.0.1", port)
            with contextlib.suppress(ConnectionResetError):
                assert not await reader.read()
            beyond.close()
            assert len(addresses.connections) == 1
            assert refusals(daemon) == {"connections_per_address": 1}
            for _, writer in held:
                writer.close()
            while addresses.connections:  # noqa: ASYNC110  # a connection has no event for its end
                await asyncio.sleep(0.001)
            assert (await request(port, "/healthz")).startswith("HTTP/1.1 200 ")


def test_a_proxy_of_ipv4_is_trusted_in_either_form() -> None:
    environ = {"SFU_SERVER__TRUSTED_PROXIES": '["10.1.0.1", "10.2.0.0/16", "2001:db8::/32"]'}
    config = _uvicorn(Daemon(load(None, environ, dev=True), dev=True), None)
    trusted = _TrustedHosts(config.forwarded_allow_ips or [])
    for address in ("10.1.0.1", "::ffff:10.1.0.1", "10.2.9.9", "::ffff:10.2.9.9", "2001:db8::5"):
        assert address in trusted
    for address in ("10.1.0.2", "::ffff:10.1.0.2", "::ffff:10.3.0.1", "2001:db9::5"):
        assert address not in trusted
