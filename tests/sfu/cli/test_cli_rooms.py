"""`sfu rooms`, against a server that listens."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from sfu import logs
from sfu.cli.main import run
from sfu.commands import Join
from sfu.config import DEV_SECRET
from sfu.participant import Role
from sfu.server import Server
from tests.signaling.listening import listening


@pytest.fixture(autouse=True)
def _server_logs_elsewhere() -> Iterator[None]:
    logs.configure("error")
    yield
    structlog.reset_defaults()


Printed = tuple[int, str, str]


class Terminal:
    """Runs commands against one server, with what they print."""

    def __init__(self, host: str, capture: pytest.CaptureFixture[str]) -> None:
        self._url = f"http://{host}"
        self._capture = capture

    async def run(self, *arguments: str) -> Printed:
        self._capture.readouterr()
        code = await asyncio.to_thread(run, ["rooms", "--url", self._url, *arguments])
        return code, *self._capture.readouterr()

    async def json(self, *arguments: str) -> Any:
        code, out, _ = await self.run(*arguments, "--json")
        assert code == 0
        return json.loads(out)


async def test_the_course_of_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    async with listening() as (server, host):
        terminal = Terminal(host, capsys)
        made = await terminal.json("create", "hall", "--attendees", "7", "--locked")
        assert (made["state"], made["limits"]["attendees"], made["locked"]) == (
            "preparing", 7, True,
        )  # fmt: skip
        assert (await terminal.json("start", "hall"))["state"] == "live"
        assert (await terminal.json("unlock", "hall"))["locked"] is False
        assert (await terminal.json("lock", "hall"))["locked"] is True
        assert (await terminal.json("mode", "hall", "meeting"))["mode"] == "meeting"
        assert (await terminal.json("set", "hall", '{"video": "sd"}'))["video"] == "sd"
        token = await terminal.json("token", "hall", "--identity", "ann", "--role", "presenter")
        assert token["token"].count(".") == 2
        await people(terminal, server)
        code, out, _ = await terminal.run("list")
        assert code == 0
        assert "hall" in out
        assert "meeting" in out
        assert (await terminal.json("end", "hall"))["state"] == "ended"
        assert (await terminal.run("delete", "hall"))[0] == 0
        assert await terminal.json("list") == []


async def people(terminal: Terminal, server: Server) -> None:
    live = server.rooms.find("dev", "hall")
    assert live is not None
    for name in ("ann", "[bold]bob"):
        live.join(Join(f"p-{name[-3:]}", name, name, Role.ATTENDEE))
    code, out, _ = await terminal.run("participants", "hall")
    assert code == 0
    assert "[bold]bob" in out
    assert "waits: locked" in out
    assert (await terminal.json("admit", "hall", "p-ann"))["state"] == "admitted"
    assert (await terminal.json("admit", "hall"))["waiting"] == 0
    assert (await terminal.json("seat", "hall", "p-ann"))["seat"] == 1
    assert (await terminal.json("unseat", "hall", "p-ann"))["seat"] is None
    assert (await terminal.json("block", "hall", "p-ann"))["blocked"] is True
    assert (await terminal.json("unblock", "hall", "p-ann"))["blocked"] is False
    assert (await terminal.run("remove", "hall", "p-ann", "--ban"))[0] == 0
    assert live.room.banned == {"ann"}
    assert [each["id"] for each in await terminal.json("participants", "hall")] == ["p-bob"]


async def test_what_is_wrong_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    async with listening() as (_, host):
        terminal = Terminal(host, capsys)
        code, out, error = await terminal.run("show", "nowhere")
        assert (code, out) == (1, "")
        assert "there is no such room (room_not_found)" in error
        code, _, error = await terminal.run("mute", "nowhere", "p-x", "camera")
        assert (code, "room_not_found" in error) == (1, True)
        code, _, error = await terminal.run("--tenant", "dev", "--secret", "wrong", "list")
        assert (code, "unauthorized" in error) == (1, True)
        assert DEV_SECRET not in error
        assert (await terminal.run("mode", "hall", "party"))[0] == 2
        assert (await terminal.run("set", "hall", "{"))[0] == 2
        code, _, error = await terminal.run("create", "a b")
        assert (code, "room:" in error) == (1, True)


async def test_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, error = await Terminal("127.0.0.1:9", capsys).run("list")
    assert code == 1
    assert "does not answer" in error


async def test_credentials_come_from_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening() as (_, host):
        monkeypatch.setenv("SFU_URL", f"http://{host}")
        monkeypatch.setenv("SFU_TENANT", "dev")
        monkeypatch.setenv("SFU_SECRET", DEV_SECRET)
        assert await asyncio.to_thread(run, ["rooms", "list", "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == []
