"""Servers that can be measured, one adapter per file: each is started by the bench, and its
synthetic clients speak its signaling."""

from pathlib import Path
from typing import Final, Protocol, Self

from sfu.bench.endpoints import Endpoints
from sfu.bench.errors import BenchError
from sfu.bench.shape import Shape

NAMES: Final = ("sfu", "janus", "livekit", "mediasoup")


class MissingPeer(BenchError):
    """A server is not installed here."""


class Clients(Protocol):
    """All participants of one room; an asynchronous context that ends them."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...

    async def add_presenter(self, number: int, shape: Shape) -> None:
        """Joins and begins to send."""

    async def add_attendee(self, number: int) -> int:
        """Joins to receive everything and gives the endpoint."""


class Server(Protocol):
    """A server as a process; a context that starts and ends it. Raises ProcessError."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...

    def clients(self, endpoints: Endpoints) -> Clients:
        """Participants of a fresh room."""

    def cpu_ns(self) -> dict[str, int]:
        """CPU time so far by thread of all its processes, in nanoseconds."""

    def memory(self) -> int:
        """Resident bytes of all its processes."""

    def descriptors(self) -> int:
        """Open files and sockets of all its processes."""

    def dropped(self) -> int:
        """Datagrams that the kernel dropped at its media sockets."""

    def complaints(self) -> str:
        """The end of its log."""


def make(name: str, core: int | None, shape: Shape, folder: Path | None = None) -> Server:
    """A server by name, not yet started. `folder` is where it is installed, if not in the usual
    places. Raises MissingPeer."""
    if name == "sfu":
        from sfu.bench.peers.sfu import Sfu

        return Sfu(core, shape)
    if name == "janus":
        from sfu.bench.peers.janus import Janus

        return Janus(core, shape, folder)
    if name == "livekit":
        from sfu.bench.peers.livekit import LiveKit

        return LiveKit(core, folder)
    if name == "mediasoup":
        from sfu.bench.peers.mediasoup import Mediasoup

        return Mediasoup(core, folder)
    raise MissingPeer(f"{name}: unknown, one of {', '.join(NAMES)}")


def version(name: str, folder: Path | None = None) -> str:
    """Of an installed server. Raises MissingPeer."""
    if name == "sfu":
        from sfu.bench import machine

        return machine.facts()["commit"]
    if name == "janus":
        from sfu.bench.peers import janus

        return janus.version(folder)
    if name == "livekit":
        from sfu.bench.peers import livekit

        return livekit.version(folder)
    from sfu.bench.peers import mediasoup

    return mediasoup.version(folder)
