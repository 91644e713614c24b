"""How peer connections of aiortc are set up for this server."""

import asyncio
from typing import Any

from aiortc import RTCBundlePolicy, RTCConfiguration, RTCIceServer, RTCPeerConnection

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


async def ended(connection: RTCPeerConnection) -> None:
    """Ends a connection, also when who waits for it is cancelled.

    aiortc begins to close by itself when the other side has closed, and whoever closes then waits
    for that. When it was broken off, as at the end of a loop, this would be for good.
    """
    closing = asyncio.ensure_future(connection.close())
    await asyncio.wait([closing], timeout=CLOSING)
    if not closing.done():
        closing.cancel()
    elif not closing.cancelled():
        closing.result()
