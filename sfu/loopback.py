"""One client's media sent back to itself: how its path to a worker is measured before it joins.

No room, no seat, no rights: two transports, two routes, and a staircase that wants as much as the
path may be asked to carry, so that the estimator finds out what it does.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sfu.bandwidth.paths import Path
from sfu.bandwidth.staircase import ALL_TEMPORAL, Demand, Layer, Staircase, staircase
from sfu.forwarder import Forwarder, Remote
from sfu.track import Media
from sfu.transport import Transport

SLOT: Final = "loop"
AUDIO: Final = 64_000
STEPS: Final = (0.05, 0.1, 0.2, 0.4, 0.7, 0.95)
"""Of the ceiling: what the path is asked for, one after the other."""


class Line(NamedTuple):
    """What the client receives on one m-line."""

    mid: str
    ssrc: int
    rtx_ssrc: int
    video: bool


class Loopback:
    """On one worker, which it counts for as a room does (TransportOwner, TrackOwner, EgressOwner).

    ceiling -- bit/s in each direction.
    """

    def __init__(self, forwarder: Forwarder, ceiling: int) -> None:
        self.forwarder = forwarder
        self.ceiling = ceiling
        self.uplink: Transport | None = None
        self.downlink: Transport | None = None
        self.arriving = 0
        """bit/s of payload that come from the client."""
        self._rates: dict[int, float] = {}
        self._tracks: list[int] = []
        self._egresses: list[int] = []
        self._routes = {video: forwarder.add_route(video=video) for video in (False, True)}
        forwarder.load += 1

    def open(self) -> Transport:
        """A transport to describe to the client."""
        return self.forwarder.open_transport(self)

    def receive_from(
        self, transport: Transport, remote: Remote, tracks: Sequence[tuple[bool, Media]], now: float
    ) -> None:
        """What the client sends, (is video, how it arrives): at most one of each kind."""
        self.uplink = transport
        self.forwarder.connect(transport, remote, now)
        worker = self.forwarder.worker
        self.forwarder.order(worker.set_upload, transport.id, self.ceiling)
        for video, media in tracks:
            layers = [(each.rid, each.ssrc, each.rtx_ssrc) for each in media.streams]
            track = self.forwarder.add_track(self, transport, media.mid, media.codec, layers)
            self._tracks.append(track)
            self.forwarder.order(worker.bind, self._routes[video], track)

    def send_to(
        self, transport: Transport, remote: Remote, lines: Sequence[Line], now: float
    ) -> None:
        """What the client gets back."""
        self.downlink = transport
        self.forwarder.connect(transport, remote, now)
        self.forwarder.subscribers.assign([transport.id], self._staircase())
        for line in lines:
            route = self._routes[line.video]
            egress = self.forwarder.add_egress(
                self, transport, route, line.mid, line.ssrc, line.rtx_ssrc
            )
            self._egresses.append(egress)
        targets = [(egress, 0, ALL_TEMPORAL) for egress in self._egresses]
        self.forwarder.order(self.forwarder.worker.set_targets, targets)

    @property
    def path(self) -> Path | None:
        """What is known of the way to the client; None while it is not up."""
        found = self.downlink
        return None if found is None else self.forwarder.subscribers.path(found.id)

    def close(self, now: float) -> None:
        """Everything of it goes from the worker."""
        for track in self._tracks:
            self.forwarder.remove_track(track)
        for egress in self._egresses:
            self.forwarder.forget_egress(egress)
        for transport in (self.uplink, self.downlink):
            if transport is not None:
                self.forwarder.drop_transport(transport, "preflight over", now)
        for route in self._routes.values():
            self.forwarder.order(self.forwarder.worker.remove_route, route)
        self.forwarder.load -= 1

    def _staircase(self) -> Staircase:
        layers = tuple(
            Layer(round(share * self.ceiling), 90 << step) for step, share in enumerate(STEPS)
        )
        return staircase([Demand(SLOT, layers)], audio=AUDIO, ceiling=self.ceiling)

    # Reports

    def transport_lost(self, transport: Transport, now: float) -> None:
        """Its client sees that, too."""

    def leveled(self, transports: Sequence[int], now: float) -> None:
        """The one picture is sent whatever the path carries: it is there to be measured."""

    def exceeded(self, transport: Transport, now: float) -> None:
        """It comes back to its sender alone."""

    def audible(self, track: int, audible: bool, now: float) -> None:
        """Nobody waits for it."""

    def levels(self, levels: Sequence[tuple[int, int]], now: float) -> None:
        """Nobody is shown them."""

    def rates(self, track: int, layers: Sequence[tuple[int, float, int, int]]) -> None:
        """What arrives."""
        self._rates[track] = sum(bps for bps, *_ in layers)
        self.arriving = round(sum(self._rates.values()))

    def switched(self, egress: int, track: int | None, spatial: int) -> None:
        """There is nothing else to switch to."""
