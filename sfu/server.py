"""The server inside another asyncio program.

from sfu import Server

server = Server(config)
app.mount("/sfu", server.asgi)        # any ASGI application
async with server:                    # media ports are open inside this block
    async for event in server.events():
        ...
"""

from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Self

from starlette.types import ASGIApp

from sfu.config import Settings, load
from sfu.daemon import Daemon
from sfu.events import RoomEvent
from sfu.rooms import Rooms


class Server:
    """One server, with the settings given, those of an `sfu.toml`, or the defaults.

    `dev` is as `sfu serve --dev`: rooms are made on first join, no tokens asked.
    """

    def __init__(self, config: Settings | Path | str | None = None, *, dev: bool = False) -> None:
        if not isinstance(config, Settings):
            config = load(None if config is None else Path(config), {}, dev=dev)
        self._daemon = Daemon(config, dev=dev)

    async def __aenter__(self) -> Self:
        """Opens the media ports. Raises OSError when they cannot be had."""
        await self._daemon.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Everybody is told, rooms end, media ports are closed."""
        await self._daemon.stop()

    @property
    def settings(self) -> Settings:
        """What it runs with."""
        return self._daemon.settings

    @property
    def asgi(self) -> ASGIApp:
        """HTTP and signaling, to be served or mounted; may be mounted before the server starts."""
        return self._daemon.app

    @property
    def rooms(self) -> Rooms:
        """Every room: create, find, and command by `LiveRoom.execute`."""
        return self._daemon.rooms

    def events(self) -> AsyncIterator[RoomEvent]:
        """Every change in every room, from now on."""
        return self._daemon.rooms.events()

    async def drain(self, patience: float) -> None:
        """Takes nobody new and waits until all have gone, `patience` seconds at most."""
        await self._daemon.drain(patience)
