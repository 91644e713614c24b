"""The workers that one room is on: its home, where all publish, and others once it is large.

A room begins at home and stays there while it is small: its packets then cross no worker, and its
sources are kept once. When `spill_after` people receive there, those who come next are placed on
another worker: each track is relayed there once, and everything that is told to one worker of a
track, a route or a weight is told to all of them. Publishers stay at home in any case: what they
send is little beside what a large room receives, and the loudest microphones are found where all of
them are.

Placing goes by numbers, not by how busy a worker is at the moment: who is placed stays for hours,
and the same people cost the same on any worker.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from sfu.forwarder import Forwarder
from sfu.owners import TrackOwner, TransportOwner
from sfu.transport import Transport


class Sites:
    """Of one room; identifiers of routes and tracks are the same on all its workers."""

    def __init__(self, home: Forwarder, workers: Sequence[Forwarder], spill_after: int) -> None:
        """`workers` are all of the process, as they come and go."""
        self.home = home
        self._workers = workers
        self._spill_after = spill_after
        self._others: dict[Forwarder, None] = {}
        self._receivers: Counter[Forwarder] = Counter()
        self._routes: dict[int, tuple[bool, bool]] = {}
        """Whether each is for pictures, and for such as rest."""
        self._bound: dict[int, int] = {}
        self._weights: dict[int, int] = {}
        self._tracks: dict[int, tuple[str, int]] = {}
        """Codec and count of layers."""
        self._caps: dict[int, int] = {}
        home.load += 1

    def __iter__(self) -> Iterator[Forwarder]:
        """The home first."""
        return iter((self.home, *self._others))

    # Who comes and goes

    def receive(self, owner: TransportOwner) -> Transport:
        """A transport for somebody who is to receive, on the worker where they are placed."""
        forwarder = self._place()
        transport = forwarder.open_transport(owner)
        transport.site = self
        self._receivers[forwarder] += 1
        forwarder.receivers += 1
        return transport

    def left(self, transport: Transport) -> None:
        """A transport of `receive` is closed (`sfu.transport.Site`)."""
        forwarder = transport.forwarder
        self._receivers[forwarder] -= 1
        forwarder.receivers -= 1
        if not self._receivers[forwarder]:
            del self._receivers[forwarder]
            if forwarder in self._others:
                self._withdraw(forwarder)

    def move(self, home: Forwarder) -> None:
        """The former home has ended, and all tracks with it; receivers elsewhere stay."""
        self.home.load, home.load = self.home.load - 1, home.load + 1
        for track in list(self._tracks):
            self._forget(track)
        self.home = home
        if home in self._others:
            del self._others[home]
        else:
            self._tell(home)
        for other in self._others:
            home.meet(other)

    def lose(self, lost: Forwarder) -> None:
        """A worker has ended, with all that the room had there, if it had anything."""
        self._others.pop(lost, None)

    def close(self) -> None:
        """The room has gone from all of its workers."""
        for forwarder in self:
            for route in self._routes:
                forwarder.order(forwarder.worker.remove_route, route)
        for track in list(self._tracks):
            self._forget(track)
        self._others.clear()
        self.home.load -= 1

    # What all of them are told

    def add_route(self, *, video: bool, rests: bool = False) -> int:
        """A fixed place on the stage; a picture that `rests` sends no frames while it stays as it
        is."""
        route = self.home.new_id()
        self._routes[route] = video, rests
        for forwarder in self:
            forwarder.order(forwarder.worker.add_route, route, video, rests)
        return route

    def bind(self, route: int, track: int | None) -> None:
        """What a route shows from now on."""
        if track is None:
            self._bound.pop(route, None)
        else:
            self._bound[route] = track
        for forwarder in self:
            forwarder.order(forwarder.worker.bind, route, track)

    def weigh(self, route: int, weight: int) -> None:
        """A picture's share where pictures have to wait for each other."""
        self._weights[route] = weight
        for forwarder in self:
            forwarder.order(forwarder.worker.weigh, route, weight)

    def add_track(
        self,
        owner: TrackOwner,
        transport: Transport,
        mid: str,
        codec: str,
        layers: list[tuple[str, int, int]],
    ) -> int:
        """A published source; its owner gets the reports about it."""
        track = self.home.add_track(owner, transport, mid, codec, layers)
        self._tracks[track] = codec, len(layers)
        for other in self._others:
            self._relay(track, other)
        return track

    def cap(self, track: int, layers: int) -> None:
        """No more than so many of a track's lowest layers are forwarded from now on."""
        if track in self._tracks:
            self._caps[track] = layers
            for forwarder in self:
                forwarder.order(forwarder.worker.cap, track, layers)

    def remove_track(self, track: int) -> None:
        """Ends a track; routes bound to it fall silent."""
        self.home.remove_track(track)
        self._forget(track)

    def forget_track(self, track: int) -> None:
        """A track that has gone with its transport."""
        self.home.forget_track(track)
        self._forget(track)

    def show_again(self, track: int, forwarder: Forwarder) -> None:
        """Tells a worker anew of a track, and where it is shown."""
        if forwarder in self._others and track in self._tracks:
            self.home.meet(forwarder)
            self.home.order(self.home.worker.end_relay, track, forwarder.id)
            forwarder.order(forwarder.worker.remove_track, track)
            self._relay(track, forwarder)
        for route, bound in self._bound.items():
            if bound == track:
                # What is bound already begins anew only after that.
                forwarder.order(forwarder.worker.bind, route, None)
                forwarder.order(forwarder.worker.bind, route, track)

    def _forget(self, track: int) -> None:
        if self._tracks.pop(track, None) is None:
            return
        self._caps.pop(track, None)
        for route in [each for each, bound in self._bound.items() if bound == track]:
            del self._bound[route]
        for other in self._others:
            other.order(other.worker.remove_track, track)

    # Placing

    def _place(self) -> Forwarder:
        for forwarder in self:
            if forwarder.fault is None and self._receivers[forwarder] < self._spill_after:
                return forwarder
        alive = [each for each in self._workers if each.fault is None]
        chosen = min(alive, key=lambda each: each.receivers, default=self.home)
        if chosen is not self.home and chosen not in self._others:
            self._spread_to(chosen)
        return chosen

    def _spread_to(self, other: Forwarder) -> None:
        self._others[other] = None
        self.home.meet(other)
        self._tell(other)
        for track in self._tracks:
            self._relay(track, other)
        for route, track in self._bound.items():
            other.order(other.worker.bind, route, track)

    def _tell(self, fresh: Forwarder) -> None:
        for route, (video, rests) in self._routes.items():
            fresh.order(fresh.worker.add_route, route, video, rests)
        for route, weight in self._weights.items():
            fresh.order(fresh.worker.weigh, route, weight)

    def _withdraw(self, other: Forwarder) -> None:
        """Nobody of the room receives there any more."""
        del self._others[other]
        for route in self._routes:
            other.order(other.worker.remove_route, route)
        for track in self._tracks:
            self.home.order(self.home.worker.end_relay, track, other.id)
            other.order(other.worker.remove_track, track)

    def _relay(self, track: int, other: Forwarder) -> None:
        # The one that takes comes first: what it does not know of yet it passes over, and asks for
        # a keyframe then.
        codec, layers = self._tracks[track]
        other.order(other.worker.add_relayed_track, track, self.home.id, codec, layers)
        if track in self._caps:
            other.order(other.worker.cap, track, self._caps[track])
        self.home.order(self.home.worker.relay, track, other.id)
