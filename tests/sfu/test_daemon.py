"""The daemon as a process: start, drain, signals, exit codes."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.signaling.listening import ask
from tests.signaling.test_websocket import closed, connect

ROOT = Path(__file__).parents[2]


def free_port(kind: socket.SocketKind) -> int:
    """One that nobody has now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


HTTP, UDP = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
HOST = f"127.0.0.1:{HTTP}"


class Process:
    """`sfu serve --dev`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def start(cls, **environ: str) -> "Process":
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "sfu", "serve", "--dev",
                cwd=ROOT,
                env={
                    **os.environ,
                    "SFU_SERVER__PORT": str(HTTP),
                    "SFU_MEDIA__UDP_PORT": str(UDP),
                    **environ,
                },
                stderr=asyncio.subprocess.PIPE,
            )
        )  # fmt: skip

    async def ready(self) -> "Process":
        async with asyncio.timeout(20), httpx.AsyncClient() as client:
            while True:
                try:
                    if (await client.get(f"http://{HOST}/readyz")).status_code == 200:
                        return self
                except httpx.TransportError:
                    await asyncio.sleep(0.05)

    async def ended(self) -> tuple[int, list[dict[str, object]]]:
        """Exit code and log."""
        assert self.process.stderr is not None
        async with asyncio.timeout(20):
            log = await self.process.stderr.read()
            return await self.process.wait(), [json.loads(line) for line in log.splitlines()]


@pytest_asyncio.fixture
async def daemon() -> AsyncIterator[Process]:
    process = await (await Process.start()).ready()
    yield process
    if process.process.returncode is None:
        process.process.kill()
        await process.process.wait()


async def test_sigterm_drains(daemon: Process) -> None:
    async with connect(HOST) as member, connect(HOST) as late:
        await ask(member, "join", room="hall")
        await member.recv()  # the offer
        daemon.process.send_signal(signal.SIGTERM)
        event = json.loads(await member.recv())
        while event["type"] != "draining":
            event = json.loads(await member.recv())
        assert event["seconds"] == 600
        answer = await ask(late, "join", room="hall")
        assert answer["code"] == "draining"
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"http://{HOST}/readyz")).status_code == 503
        # It goes on for who is in, and ends when the last has left.
        assert (await ask(member, "ping"))["type"] == "ok"
        await ask(member, "leave")
    code, log = await daemon.ended()
    assert code == 0
    assert [line["event"] for line in log][-1] == "stopped"


async def test_a_second_sigterm_does_not_wait(daemon: Process) -> None:
    async with connect(HOST) as member:
        await ask(member, "join", room="hall")
        daemon.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.3)
        assert daemon.process.returncode is None
        daemon.process.send_signal(signal.SIGTERM)
        assert (await closed(member))[0] == 1001
    assert (await daemon.ended())[0] == 0


async def test_sigint_is_quick(daemon: Process) -> None:
    async with connect(HOST) as member:
        await ask(member, "join", room="hall")
        daemon.process.send_signal(signal.SIGINT)
        code, log = await daemon.ended()
    assert code == 0
    assert {line["level"] for line in log} == {"info"}


async def test_a_drain_has_an_end() -> None:
    daemon = await (await Process.start(SFU_SERVER__DRAIN_TIMEOUT="1s")).ready()
    async with connect(HOST) as member:
        await ask(member, "join", room="hall")
        daemon.process.send_signal(signal.SIGTERM)
        assert (await daemon.ended())[0] == 0


@pytest.mark.parametrize(("kind", "port"), [(socket.SOCK_STREAM, HTTP), (socket.SOCK_DGRAM, UDP)])
async def test_a_port_that_is_taken_is_named(kind: socket.SocketKind, port: int) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        code, log = await (await Process.start()).ended()
    assert code == 1
    (line,) = [line for line in log if line["level"] == "error"]
    assert line["port"] == port


async def test_secrets_are_not_in_the_log(daemon: Process) -> None:
    async with connect(HOST) as member:
        await ask(member, "join", room="hall", token="a.secret.token", password="hunter2")
        joined = await ask(member, "join", room="hall", role="presenter")
        daemon.process.send_signal(signal.SIGINT)
        _, log = await daemon.ended()
    text = json.dumps(log)
    for secret in ("a.secret.token", "hunter2", joined["resume"], "dev-secret"):
        assert secret not in text
