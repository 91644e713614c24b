"""Who is told what the packet plane reports."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sfu.transport import Transport


class TransportOwner(Protocol):
    """Who is told what has become of a transport."""

    def transport_lost(self, transport: "Transport", now: float) -> None:
        """It has ended by itself and is CLOSED; `transport.why` says why."""

    def leveled(self, transports: Sequence[int], now: float) -> None:
        """What is received over these transports is on another level (`Forwarder.subscribers`)."""

    def exceeded(self, transport: "Transport", now: float) -> None:
        """What comes over it is more than was allowed (`Worker.set_upload`)."""


class TrackOwner(Protocol):
    """Who is told about published tracks."""

    def audible(self, track: int, audible: bool, now: float) -> None:
        """A microphone began or ceased to be heard."""

    def levels(self, levels: Sequence[tuple[int, int]], now: float) -> None:
        """Smoothed levels in -dBov."""

    def rates(self, track: int, layers: Sequence[tuple[int, float, int, int]]) -> None:
        """Each layer's (bit/s, frames/s, width, height)."""


class EgressOwner(Protocol):
    """Who is told what an egress forwards."""

    def switched(self, egress: int, track: int | None, spatial: int) -> None:
        """`track` None: silent; `spatial` -1: paused."""
