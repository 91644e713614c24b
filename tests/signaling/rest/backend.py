"""A server of two tenants, and what their backends call it with."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

from sfu.commands import Join
from sfu.config import load
from sfu.journal import Journal
from sfu.live_room import LiveRoom
from sfu.participant import Participant, Role
from sfu.server import Server

SECRET = "a-secret-of-the-tests-only-0123456789"
OTHER_SECRET = "another-secret-of-the-tests-9876543210"


class Backend:
    """One tenant's."""

    def __init__(self, server: Server, tenant: str, secret: str) -> None:
        self.server = server
        self.tenant = tenant
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(server.asgi),
            base_url="http://sfu.test",
            headers={"Authorization": f"Bearer {tenant}:{secret}"},
        )

    async def ask(
        self, method: str, path: str, status: int = 200, json: Any = None, **headers: str
    ) -> Any:
        """The answer's document; its status must be the one given."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await self.http.request(method, path, json=json, headers=sent)
        assert answer.status_code == status, answer.text
        if status >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == status
        return answer.json() if answer.content else None

    async def create(self, room: str = "hall", *, start: bool = True, **body: Any) -> Any:
        """A room, started unless said otherwise."""
        made = await self.ask("POST", "/v1/rooms", 201, {"room": room, **body})
        return await self.ask("POST", f"/v1/rooms/{room}/start") if start else made

    @property
    def journal(self) -> Journal:
        journal = self.server.rooms.journal
        assert isinstance(journal, Journal)
        return journal

    def live(self, room: str = "hall") -> LiveRoom:
        found = self.server.rooms.find(self.tenant, room)
        assert found is not None
        return found

    def join(self, id: str, role: Role = Role.ATTENDEE, room: str = "hall") -> Participant:
        """Somebody comes, by no socket."""
        command = Join(f"p-{id}", id, id.title(), role, jti=f"jti-{id}")
        return self.live(room).join(command)


@contextlib.asynccontextmanager
async def serving(store: Path, **environ: str) -> AsyncIterator[Backend]:
    """A server that runs, and its tenant `acme`; `server` reaches the other one's too."""
    settings = {
        "SFU_MEDIA__UDP_PORT": "0",
        "SFU_MEDIA__HOST": "127.0.0.1",
        "SFU_STORE__PATH": str(store),
        "SFU_TENANTS__ACME__SECRET": SECRET,
        "SFU_TENANTS__ACME__PARALLEL_EVENTS": "unlimited",
        "SFU_TENANTS__GLOBEX__SECRET": OTHER_SECRET,
    }
    async with Server(load(None, settings | environ)) as server:
        backend = Backend(server, "acme", SECRET)
        async with backend.http:
            yield backend
