"""Killed at random moments under load, the daemon loses no usage and no webhook, and doubles none.

SFU_KILLS says how often it is killed, 8 times without it; SFU_KILL_SEED repeats a run's choices.
"""

import asyncio
import contextlib
import os
import random
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn

from sfu.daemon import HttpServer
from sfu.usage import HEARTBEAT
from tests.reliability.daemon import SECRET, Daemon
from tests.reliability.load import Load
from tests.reliability.truth import Received, check

KILLS = int(os.environ.get("SFU_KILLS", "8"))
SEED = int(os.environ.get("SFU_KILL_SEED", str(random.randrange(1_000_000))))
WORKING = 2.5
"""Seconds a daemon may work at most before it is killed."""
REFUSED = 0.01
"""Share of webhooks that the backend fails to take."""


def free_port(kind: socket.SocketKind) -> int:
    """One that nobody has now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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


async def test_random_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    print(f"SFU_KILL_SEED={SEED}")  # whatever fails below
    chance = random.Random(SEED)
    received = Received(SECRET.encode())
    async with backend(received, chance) as url:
        http, udp = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
        daemon = Daemon(tmp_path, http, udp, url)
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
                await daemon.kill()
            await daemon.start()
            await daemon.ready()
            await asyncio.sleep(WORKING)
            # In good order, with people in the rooms.
            assert await daemon.stop() == 0, daemon.log.read_text()[-2000:]
            await daemon.start()
            await daemon.ready()
            await load.finish()
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
        f"seed {SEED}, {KILLS} kills: visits {dict(outcomes)}, deeds {len(load.deeds)}, "
        f"usage {dict(kinds)}, webhooks {len(received.first)}, {dict(received.counts)}"
    )
    assert not faults, f"seed {SEED}: {len(faults)} faults\n" + "\n".join(faults[:20])
    assert not troubles(daemon.log), troubles(daemon.log)[:5]
    # Else nothing was put to the test.
    assert outcomes["in"] > 20 * KILLS
    assert outcomes["unknown"] > KILLS  # killed between a join and its answer
    assert kinds["event"] > KILLS
    assert received.counts["refused"]
    assert received.counts["repeated"]


async def all_delivered(received: Received, usage: list[dict[str, Any]]) -> None:
    """Every record has its webhook, and nothing new comes; what is missing then is a fault."""
    wanted = {f"usage-{record['id']}" for record in usage}
    known, since = -1, time.monotonic()
    # Longer than the pause before a first retry, and before a second one.
    while time.monotonic() - since < (12.0 if wanted - received.first.keys() else 3.5):
        if len(received.first) != known:
            known, since = len(received.first), time.monotonic()
        await asyncio.sleep(0.1)


def troubles(log: Path) -> list[str]:
    """What a healthy daemon does not write."""
    lines = log.read_text().splitlines()
    return [line for line in lines if "Traceback" in line or '"level": "error"' in line]
