"""Usage records, as a backend gets them."""

import asyncio
import json
import urllib.request
from typing import Any

from sfu.config import DEV_SECRET, DEV_TENANT
from tests.calls.daemon import Daemon

PATIENCE = 5.0
"""Seconds until the record of a stay that is over is there."""


async def record_of(daemon: Daemon, participant: str) -> dict[str, Any]:
    """That of a participant's stay, once it is over."""
    async with asyncio.timeout(PATIENCE):
        while True:
            for record in await asyncio.to_thread(_records, daemon):
                if record.get("participant") == participant:
                    return record
            await asyncio.sleep(0.1)


def _records(daemon: Daemon) -> list[dict[str, Any]]:
    """All there are."""
    request = urllib.request.Request(
        f"{daemon.url}/v1/usage?limit=1000",
        headers={"Authorization": f"Bearer {DEV_TENANT}:{DEV_SECRET}"},
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        items: list[dict[str, Any]] = json.load(answer)["items"]
    return items
