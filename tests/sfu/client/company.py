"""Clients in a room of a real server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from sfu.client import Client


def url(host: str) -> str:
    return f"ws://{host}/v1/signal"


@contextlib.asynccontextmanager
async def joined(host: str, role: str, room: str = "hall") -> AsyncIterator[Client]:
    async with Client(url(host)) as client:
        await client.join(room, role=role, name=role.title())
        yield client


def first(client: Client, type: str) -> asyncio.Task[dict[str, Any]]:
    """The first event of a type from now on."""

    async def found(events: AsyncIterator[dict[str, Any]]) -> dict[str, Any]:
        async with asyncio.timeout(10):
            async for event in events:
                if event["type"] == type:
                    return event
        raise AssertionError(f"closed without {type}")

    return asyncio.create_task(found(client.events()))
