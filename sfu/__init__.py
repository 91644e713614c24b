"""An open SFU: a WebRTC media server for webinars, meetings and webcasts.

`Server` runs it inside another asyncio program; `sfu serve` runs it alone.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sfu.server import Server

__all__ = ["Server"]


def __getattr__(name: str) -> Any:
    # Imported when asked for: the settings and codecs are of use without a packet worker.
    if name == "Server":
        from sfu.server import Server

        return Server
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
