"""How peer connections of aiortc are set up for this server."""

from typing import Any

from aiortc import RTCBundlePolicy, RTCConfiguration, RTCIceServer


def configuration(ice_servers: list[dict[str, Any]]) -> RTCConfiguration:
    """With its default bundle policy aiortc loses all m-lines of a kind but the first; without a
    list of ICE servers it asks a public one."""
    servers = [
        RTCIceServer(each["urls"], each.get("username"), each.get("credential"))
        for each in ice_servers
    ]
    return RTCConfiguration(servers, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
