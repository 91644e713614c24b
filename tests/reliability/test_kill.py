"""Killed at random moments under load, the daemon loses no usage and no webhook, and doubles none,
on either store; Redis is killed as well, while the daemon goes on.

SFU_KILLS says how often it is killed, 6 times without it; SFU_KILL_SEED repeats a run's choices.
"""

import asyncio
import contextlib
import faulthandler
import os
import random
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from sfu.bench.process import free_port
from sfu.process import HttpServer
from sfu.usage import HEARTBEAT
from tests.reliability import late
from tests.reliability.daemon import SECRET, Daemon
from tests.reliability.load import Load
from tests.reliability.truth import Received, check
from tests.sfu.store.redis_server import RedisServer

pytestmark = pytest.mark.long

KILLS = int(os.environ.get("SFU_KILLS", "6"))
SEED = int(os.environ.get("SFU_KILL_SEED", str(random.randrange(1_000_000))))
WORKING = 2.5
"""Seconds a daemon may work at most before it is killed."""
REFUSED = 0.01
"""Share of webhooks that the backend fails to take."""


@contextlib.asynccontextmanager
async def backend(received: Received, chance: random.Random) -> AsyncIterator[str]:
    """Takes webhooks, most of the time; gives its URL."""

    async def take(scope: Any, receive: Any, send: Any) -> None:
        raw, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":  # killed in the middle of a request
                received.counts["cut"] += 1
                return
            raw += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        accepted = chance.random() >= REFUSED
        received.take(headers, raw, time.time(), accepted=accepted)
        status = 204 if accepted else 500
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body"})

    listener = socket.create_server(("127.0.0.1", 0))
    http = HttpServer(uvicorn.Config(take, log_config=None, lifespan="off"))
    task = asyncio.create_task(http.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/webhooks"
    finally:
        http.should_exit = True
        await task
        listener.close()


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
async def test_random_kills_lose_nothing_and_double_nothing(tmp_path: Path, kind: str) -> None:
    print(f"SFU_KILL_SEED={SEED}")  # whatever fails below
    if KILLS > 6:
        faulthandler.cancel_dump_traceback_later()  # the long form takes longer than a test may
    chance = random.Random(SEED)
    received = Received(SECRET.encode())
    redis = RedisServer(tmp_path) if kind == "redis" else None
    async with backend(received, chance) as url, running(redis) as store:
        http, udp = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
        daemon = Daemon(tmp_path, http, udp, url, store, late.__name__)
        load = Load(daemon, SEED, organizers=6, guests=40)
        try:
            for number in range(KILLS):
                await daemon.start()
                if number % 4 == 3:
                    # Before it is ready, while it brings back what was there.
                    await asyncio.sleep(chance.uniform(0.3, 1.5))
                else:
                    await daemon.ready()
                    await asyncio.sleep(chance.random() * WORKING)
                    if redis is not None and number % 4 == 1:
                        await interrupt(redis, chance)
                await daemon.kill()
            await daemon.start()
            await daemon.ready()
            await asyncio.sleep(WORKING)
            # In good order, with people in the rooms.
            assert await daemon.stop() == 0, daemon.log.read_text()[-2000:]
            await daemon.start()
            await daemon.ready()
            await load.finish()
            await asyncio.sleep(late.LATE)  # the last records wait for that
            usage = await load.usage()
            await all_delivered(received, usage)
            assert await daemon.stop() == 0
        finally:
            await load.close()
            await daemon.kill()
    faults = check(load.deeds, load.visits, usage, received, HEARTBEAT)
    outcomes = Counter(visit.outcome for visit in load.visits)
    kinds = Counter(record["kind"] for record in usage)
    print(
        f"{kind}, seed {SEED}, {KILLS} kills: visits {dict(outcomes)}, deeds {len(load.deeds)}, "
        f"usage {dict(kinds)}, webhooks {len(received.first)}, {dict(received.counts)}"
    )
    assert not faults, f"seed {SEED}: {len(faults)} faults\n" + "\n".join(faults[:20])
    found = troubles(daemon.log, away=redis is not None)
    assert not found, found[:5]
    # Else nothing was put to the test.
    assert outcomes["in"] > 20 * KILLS
    assert outcomes["unknown"] > KILLS  # killed between a join and its answer
    assert kinds["event"] > KILLS
    assert received.counts["refused"]
    assert received.counts["repeated"]


@contextlib.asynccontextmanager
async def running(redis: RedisServer | None) -> AsyncIterator[str]:
    """Runs the server, if there is one; gives its URL."""
    if redis is None:
        yield ""
        return
    await asyncio.to_thread(redis.start)
    try:
        yield redis.url
    finally:
        redis.kill()


async def interrupt(redis: RedisServer, chance: random.Random) -> None:
    """Kills the store under the daemon, which has work for it, and brings it back."""
    redis.kill()
    await asyncio.sleep(chance.random())
    await asyncio.to_thread(redis.start)
    await asyncio.sleep(chance.random())


async def all_delivered(received: Received, usage: list[dict[str, Any]]) -> None:
    """Every record has its webhook, and nothing new comes; what is missing then is a fault."""
    wanted = {f"usage-{record['id']}" for record in usage}
    known, since = -1, time.monotonic()
    # Longer than the pause before a first retry, and before a second one.
    while time.monotonic() - since < (12.0 if wanted - received.first.keys() else 3.5):
        if len(received.first) != known:
            known, since = len(received.first), time.monotonic()
        await asyncio.sleep(0.1)


AWAY = ("outbox cannot be read", "outbox cannot be kept", "store failed")
"""What is written of a store that is away."""


def troubles(log: Path, *, away: bool) -> list[str]:
    """What a healthy daemon does not write; `away`: its store was at times."""
    lines = log.read_text().splitlines()
    found = [line for line in lines if "Traceback" in line or '"level": "error"' in line]
    return [line for line in found if not (away and any(each in line for each in AWAY))]
