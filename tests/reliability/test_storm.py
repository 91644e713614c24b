"""An audience that comes all at once: everybody is let in or told their place, in few messages.

SFU_STORM=1000 is how many come in ten seconds in its long form, for a quiet machine: then the times
count as well. Without it fewer come, and no time is judged.
"""

import asyncio
import json
import os
import re
import socket
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from sfu.bench.process import free_port
from sfu.participant import Role
from sfu.signaling.tokens import mint
from tests.reliability.daemon import SECRET, TENANT, Daemon

pytestmark = pytest.mark.long

LONG = int(os.environ.get("SFU_STORM", "0"))
WITHIN = 10.0
"""Seconds."""
ANSWER_P95 = 0.5
LAG_P99 = 0.1


class Storm:
    """One room's audience: what each was answered, how fast, and how much all were told."""

    def __init__(self, daemon: Daemon, room: str) -> None:
        self.answers: list[str] = []
        self.times: list[float] = []
        self.frames = 0
        self._daemon = daemon
        self._room = room

    async def come(self, number: int, at: float, until: float) -> None:
        """Joins at a moment and listens to the end; times are of the event loop's clock."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(at - loop.time())
        token = mint(
            SECRET, tenant=TENANT, room=self._room, identity=f"guest-{number}",
            role=Role.ATTENDEE, now=time.time(), ttl=600,
        )  # fmt: skip
        began = loop.time()
        async with connect(
            f"ws://{self._daemon.host}/v1/signal",
            subprotocols=[Subprotocol("sfu.v1")], compression=None, proxy=None, max_size=None,
        ) as client:  # fmt: skip
            await client.send(
                json.dumps({"type": "join", "id": 1, "room": self._room, "token": token})
            )
            answer = json.loads(await client.recv())
            self.times.append(loop.time() - began)
            self.answers.append(answer.get("status", answer["type"]))
            self.frames += 1
            await self._listen(client, until)

    async def _listen(self, client: ClientConnection, until: float) -> None:
        try:
            async with asyncio.timeout_at(until):
                while True:
                    await client.recv()
                    self.frames += 1
        except (TimeoutError, ConnectionClosed):
            return


async def storm(daemon: Daemon, room: str, people: int, places: int) -> Storm:
    """So many come within the time, into a room with so many places."""
    async with httpx.AsyncClient(
        base_url=f"http://{daemon.host}/v1", headers={"Authorization": f"Bearer {TENANT}:{SECRET}"}
    ) as backend:
        body = {"room": room, "limits": {"attendees": places}}
        (await backend.post("/rooms", json=body)).raise_for_status()
        (await backend.post(f"/rooms/{room}/start")).raise_for_status()
    loop = asyncio.get_running_loop()
    start = loop.time() + 0.2
    one = Storm(daemon, room)
    until = start + WITHIN + 3.0
    coming = [one.come(n, start + WITHIN * n / people, until) for n in range(people)]
    await asyncio.gather(*coming)
    return one


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so many are not above."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


async def lags(daemon: Daemon) -> dict[float, float]:
    """How often the event loop was at most so late, by seconds."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"http://{daemon.host}/metrics")).text
    found = re.findall(r'sfu_event_loop_lag_seconds_bucket\{le="([^"]+)"\} ([0-9.]+)', text)
    return {float(bound): float(count) for bound, count in found}


async def storms(daemon: Daemon, people: int) -> tuple[Storm, dict[float, float], Storm]:
    """A quarter of the people, then all, or both at once; between them, how late the loop was."""
    few = storm(daemon, "few", people // 4, people // 5)
    many = storm(daemon, "many", people, people * 4 // 5)
    if not LONG:
        before = await lags(daemon)
        one, other = await asyncio.gather(few, many)
        return one, before, other
    return await few, await lags(daemon), await many


async def test_a_storm_of_joins(tmp_path: Path) -> None:
    people = LONG or 200
    daemon = Daemon(tmp_path, free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM), "")
    await daemon.start()
    try:
        await daemon.ready()
        few, before, many = await storms(daemon, people)
        after = await lags(daemon)
        assert await daemon.stop() == 0
    finally:
        await daemon.kill()
    late = {bound: after[bound] - before[bound] for bound in after}
    lag = min(bound for bound, count in late.items() if count >= 0.99 * late[float("inf")])
    answer = percentile(many.times, 0.95)
    print(
        f"{people} joins in {WITHIN:.0f} s: p95 answer {answer * 1000:.0f} ms, event-loop lag p99 "
        f"<= {lag * 1000:g} ms, frames {few.frames} for {people // 4}, {many.frames} for {people}"
    )
    assert many.answers.count("admitted") == people * 4 // 5
    assert many.answers.count("waiting") == people - people * 4 // 5
    # As many times the messages as there are people, and no more.
    assert many.frames <= 1.2 * 4 * few.frames
    if LONG:
        assert answer <= ANSWER_P95
        assert lag <= LAG_P99
