"""How peer connections of aiortc are set up for this server."""

import asyncio
import logging
from typing import Any, Final

from aiortc import RTCBundlePolicy, RTCConfiguration, RTCIceServer, RTCPeerConnection

_log = logging.getLogger(__name__)

CLOSING = 5.0
"""Seconds that ending a connection may take."""


def configuration(ice_servers: list[dict[str, Any]]) -> RTCConfiguration:
    """With its default bundle policy aiortc loses all m-lines of a kind but the first; without a
    list of ICE servers it asks a public one."""
    servers = [
        RTCIceServer(each["urls"], each.get("username"), each.get("credential"))
        for each in ice_servers
    ]
    return RTCConfiguration(servers, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)


_ending: Final[set[asyncio.Future[None]]] = set()
"""Closes that nobody may wait for any more."""


async def ended(connection: RTCPeerConnection) -> None:
    """Ends a connection, also when who waits for it is cancelled.

    aiortc begins to close by itself when the other side has closed, and whoever closes then waits
    for that. When it was broken off, as at the end of a loop, this would be for good.
    """
    closing = asyncio.ensure_future(connection.close())
    _ending.add(closing)
    closing.add_done_callback(_ended)
    # It is never cancelled: what waits with it would be, and sockets would stay open.
    await asyncio.wait([closing], timeout=CLOSING)


def _ended(closing: asyncio.Future[None]) -> None:
    _ending.discard(closing)
    if not closing.cancelled() and (error := closing.exception()) is not None:
        _log.warning("a connection did not close in good order: %r", error)
