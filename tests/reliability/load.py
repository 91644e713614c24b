"""A backend that runs rooms by REST, and guests who come and go; both note what they are told."""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from sfu.bench.stays import Visit
from sfu.participant import Role
from sfu.signaling.tokens import mint
from tests.reliability.daemon import SECRET, TENANT, Daemon
from tests.reliability.truth import Deed
from tests.signaling.descriptions import answer_to

AWAY = (httpx.TransportError, OSError, TimeoutError, ConnectionClosed, InvalidHandshake)


class Load:
    """What is going on, until `closing` is set; the deeds and visits are the ground truth."""

    def __init__(self, daemon: Daemon, seed: int, *, organizers: int, guests: int) -> None:
        self.daemon = daemon
        self.deeds: list[Deed] = []
        self.visits: list[Visit] = []
        self.closing = asyncio.Event()
        self.emptying = asyncio.Event()
        """Set when guests are to stop, too; rooms go on until they are ended."""
        self._chance = random.Random(seed)
        self._running: list[str] = []
        self._made = 0
        self._tasks = [asyncio.create_task(self._organize()) for _ in range(organizers)]
        self._tasks += [asyncio.create_task(self._guest()) for _ in range(guests)]
        self._client = httpx.AsyncClient(
            base_url=f"http://{daemon.host}/v1",
            headers={"Authorization": f"Bearer {TENANT}:{SECRET}"},
            timeout=10,
        )

    async def finish(self) -> None:
        """Everybody comes to an end. Raises what went wrong with them."""
        self.closing.set()
        self.emptying.set()
        await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        """Whatever happened before."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    async def usage(self) -> list[dict[str, Any]]:
        """All records."""
        items: list[dict[str, Any]] = []
        query: dict[str, str] = {}
        while page := await self._ask("GET", "/usage", query):
            if not page["items"]:
                return items
            items += page["items"]
            query = {"cursor": page["cursor"]}
        return items

    # The backend

    async def _organize(self) -> None:
        while not self.closing.is_set():
            self._made += 1
            name = f"hall-{self._made}"
            await self._do(name, "room.created", "", {"room": name})
            await self._do(name, "room.started", "/start")
            self._running.append(name)
            for _ in range(self._chance.randrange(4)):
                await self._pause(self._chance.random())
                await self._do(name, "room.locked", "/lock")
                await self._pause(self._chance.random() * 0.3)
                await self._do(name, "room.unlocked", "/unlock")
            await self._pause(self._chance.random() * 2)
            self._running.remove(name)
            if self._chance.random() < 0.3:
                # Without an end of its own, and under people's feet.
                await self._do(name, "room.ended", None)
            else:
                await self._do(name, "room.ended", "/end")

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.closing.wait(), seconds)

    async def _do(
        self, room: str, event: str, path: str | None, body: dict[str, Any] | None = None
    ) -> None:
        """Asks until it is said to be done, or to have been done; without a path, removes."""
        deed = Deed(room, event, time.time())
        self.deeds.append(deed)
        headers = {"Idempotency-Key": f"new-{room}"} if body is not None else {}
        method = "DELETE" if path is None else "POST"
        place = "/rooms" if body is not None else f"/rooms/{room}{path or ''}"
        repeated = False
        while True:
            try:
                answer = await self._client.request(method, place, json=body, headers=headers)
            except AWAY:
                repeated = True
                await asyncio.sleep(0.05)
                continue
            if answer.status_code == 503:  # it is just starting, or just ending
                await asyncio.sleep(0.05)
                continue
            done = answer.is_success or (repeated and answer.status_code in (404, 409))
            assert done, (method, place, answer.status_code, answer.text)
            deed.acknowledged = time.time()
            return

    async def _ask(self, method: str, path: str, query: dict[str, str]) -> Any:
        answer = await self._client.request(method, path, params=query)
        return answer.raise_for_status().json()

    # The guests

    async def _guest(self) -> None:
        number = 0
        identity = ""
        while not self.emptying.is_set():
            if not self._running:
                await asyncio.sleep(0.02)
                continue
            if not identity or self._chance.random() < 0.7:
                number += 1
                identity = f"guest-{id(asyncio.current_task())}-{number}"
            visit = Visit(self._chance.choice(self._running), identity, time.time())
            try:
                async with self._socket() as socket:
                    self.visits.append(visit)
                    await self._visit(visit, socket)
            except AWAY:
                await asyncio.sleep(0.02)
            finally:
                now = time.time()
                visit.leaving = min(visit.leaving, now)
                visit.left = min(visit.left, now)

    @contextlib.asynccontextmanager
    async def _socket(self) -> AsyncIterator[ClientConnection]:
        async with connect(
            f"ws://{self.daemon.host}/v1/signal",
            subprotocols=[Subprotocol("sfu.v1")],
            compression=None,
            proxy=None,
            close_timeout=1,
            max_size=None,
        ) as socket:
            yield socket

    async def _visit(self, visit: Visit, socket: ClientConnection) -> None:
        role = self._chance.choice([Role.ATTENDEE, Role.ATTENDEE, Role.PRESENTER])
        now = time.time()
        token = mint(
            SECRET, tenant=TENANT, room=visit.room, identity=visit.identity, role=role,
            now=now, ttl=600,
        )  # fmt: skip
        visit.asked = now
        await _send(socket, "join", room=visit.room, token=token)
        stay = None if self._chance.random() < 0.15 else self._chance.expovariate(3.0)
        try:
            async with asyncio.timeout(stay):
                while not self.emptying.is_set():
                    frame = json.loads(await socket.recv())
                    _note(visit, frame)
                    if frame["type"] == "offer":
                        # A connection that is never seen, and has totals to be waited for.
                        answer = {"sdp": answer_to(frame["sdp"]), "number": frame["number"]}
                        await _send(socket, "answer", **answer)
                    if visit.outcome == "refused":
                        return
        except ConnectionClosed:
            visit.leaving = time.time()
            raise
        except TimeoutError:
            pass
        visit.leaving = time.time()
        if self._chance.random() < 0.5:
            socket.transport.abort()
            return
        await _send(socket, "leave")
        while True:  # until it is closed; they may be let in at the last moment
            _note(visit, json.loads(await socket.recv()))


def _note(visit: Visit, frame: dict[str, Any]) -> None:
    if frame.get("id") == "join" and frame["type"] == "error":
        visit.outcome = "refused"
    elif frame["type"] == "admitted" or frame.get("status") == "admitted":
        visit.outcome, visit.admitted = "in", time.time()
        visit.participant = frame["participant"]["id"]
    elif frame.get("status") == "waiting":
        visit.outcome = "waiting"


async def _send(socket: ClientConnection, type: str, **fields: Any) -> None:
    await socket.send(json.dumps({"type": type, "id": type, **fields}))
