"""Two servers on one Redis database, with a client of theirs: one at a time has it."""

import contextlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from sfu.bench.chaos.line import Line
from sfu.bench.daemon import Daemon
from tests.sfu.store.redis_server import RedisServer
from tests.waiting import until


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


def errors(server: Daemon) -> list[dict[str, str]]:
    """Of its log, which it need not have ended."""
    lines = (server.folder / "log").read_text().splitlines()
    return [line for line in map(json.loads, lines) if line["level"] == "error"]


async def test_who_was_stalled_and_followed_ends_and_its_people_go_on(redis: RedisServer) -> None:
    settings = {"SFU_STORE__URL": redis.url, "SFU_STORE__LEASE": "1s"}
    with Daemon(None, settings) as first, contextlib.ExitStack() as stack:
        anna = await Line.open(first.signaling_url, "Anna")
        joined = await anna.request("join", room="hall", name="Anna", role="organizer")
        first.running.send_signal(signal.SIGSTOP)
        second = stack.enter_context(Daemon(None, settings))
        first.running.send_signal(signal.SIGCONT)
        await until(lambda: first.running.poll() is not None)
        assert first.running.returncode == 1
        assert "store lost" in {line["event"] for line in errors(first)}
        assert await anna.lost()
        again = await Line.open(second.signaling_url, "Anna")
        resumed = await again.request("join", room="hall", resume=joined["resume"])
        assert resumed["participant"]["id"] == joined["participant"]["id"]
        await again.request("leave")
        await until(lambda: bool(second.usage()))
        (record,) = second.usage()
        assert (record["participant"], record["reason"]) == (resumed["participant"]["id"], "left")
        for line in (anna, again):
            await line.close()
        assert errors(second) == []
