"""The control plane's end of one packet worker: commands down, reports up.

The only module that imports `sfu._plane`. Everything runs on the event loop:
`read` when the worker's eventfd is readable, `tick` every TICK seconds. `now`
is monotonic, in seconds.

Identifiers of transports, tracks, routes and egresses come from `new_id` and
are never used again, so a late report about something gone finds nobody and is
passed over.
"""

import itertools
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, ParamSpec

import structlog

from sfu import _plane
from sfu.config import MediaSettings
from sfu.deadlines import Deadlines
from sfu.dtls import Certificate, SrtpKeys
from sfu.ice import make_credentials
from sfu.owners import EgressOwner, TrackOwner, TransportOwner
from sfu.subscribers import Subscribers
from sfu.transport import State, Timeouts, Transport

TICK: Final = 0.05
BACKLOG: Final = 1_000_000
"""Commands that wait here while the worker's queue is full; more is a worker that hangs."""

RELAY_QUEUE: Final = 4096
"""Packets that may wait between two workers, per direction."""

_IDS: Final = itertools.count(1)
P = ParamSpec("P")
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Remote:
    """The peer's side of a transport as negotiated."""

    fingerprints: tuple[str, ...]
    client: bool
    """Whether our side opens the DTLS handshake."""
    extensions: dict[str, int]
    payload_types: list[tuple[int, str, int]]
    cname: str


def start_worker(media: MediaSettings, index: int, port: int = 0) -> _plane.Worker:
    """Starts the worker of this index on its UDP port, or where the settings leave that open on
    `port`. Raises OSError if it cannot be had."""
    return _plane.Worker(
        host=media.host or None,
        port=media.udp_port + index if media.udp_port else port,
        commands=media.command_queue,
        transports=media.transports,
        video_ring=media.video_ring,
        audio_ring=media.audio_ring,
        socket_buffer=media.socket_buffer,
        tcp_connections=media.tcp_connections if media.tcp else 0,
        tcp_connections_per_address=media.tcp_connections_per_address,
        tcp_waiting=media.tcp_waiting,
        tcp_first_check=media.tcp_first_check,
    )


class Forwarder:
    """One worker and what is on it."""

    def __init__(
        self,
        worker: _plane.Worker,
        certificate: Certificate,
        addresses: Sequence[str],
        timeouts: Timeouts,
        takes_tcp: bool = False,
        relay_queue: int = RELAY_QUEUE,
        remembered_paths: int = 0,
    ) -> None:
        self.worker = worker
        self.id = self.new_id()
        """By which the other workers call this one."""
        self.certificate = certificate
        self.addresses = tuple(addresses)
        self.takes_tcp = takes_tcp
        self.transports_by_state: Counter[State] = Counter()
        self.subscribers = Subscribers(remembered_paths)
        self.fault: str | None = None
        """Why the worker's thread has stopped, or is to be done without."""
        self.hangs = False
        """Whether the thread may be alive in spite of the fault."""
        self.pauses = 0
        """Pictures that ceased to be given to a receiver, for want of bandwidth or view."""
        self.load = 0
        """Rooms that have their home on this worker."""
        self.receivers = 0
        """Transports that rooms have placed on this worker."""
        self._relay_queue = relay_queue
        self._peers: dict[Forwarder, None] = {}
        self._timeouts = timeouts
        self._backlog: deque[Callable[[], None]] = deque()
        self._deadlines = Deadlines()
        self._transports: dict[int, tuple[Transport, TransportOwner]] = {}
        self._closing: dict[int, Transport] = {}
        """Those that the worker has not reported as closed yet."""
        self._tracks: dict[int, TrackOwner] = {}
        self._egresses: dict[int, EgressOwner] = {}

    def new_id(self) -> int:
        """An identifier never used before, on any worker of the process."""
        return next(_IDS)

    def order(self, command: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Gives the worker a command; keeps it, in order, while the worker's queue is full."""
        if self.fault is not None:
            return
        if not self._backlog and self._sent(lambda: command(*args, **kwargs)):
            return
        if len(self._backlog) >= BACKLOG:
            self.hangs = True
            self._fail("the worker takes no commands any more")
        else:
            self._backlog.append(lambda: command(*args, **kwargs))

    def meet(self, other: "Forwarder") -> None:
        """Relays between this worker and another, if there are none yet."""
        if other not in self._peers:
            own, others = self.worker.connect(other.worker, self._relay_queue)
            self._peers[other] = other._peers[self] = None
            self.order(self.worker.add_peer, other.id, own)
            other.order(other.worker.add_peer, self.id, others)

    # Transports

    def open_transport(self, owner: TransportOwner) -> Transport:
        """A transport that answers binding checks from now on."""
        transport = Transport(
            self,
            self.new_id(),
            make_credentials(),
            self.certificate,
            path_timeout=self._timeouts.path,
            handshake_timeout=self._timeouts.handshake,
        )
        self._transports[transport.id] = (transport, owner)
        self.transports_by_state[transport.state] += 1
        ours = transport.credentials
        self.order(self.worker.open_transport, transport.id, ours.ufrag, ours.pwd)
        return transport

    def connect(self, transport: Transport, remote: Remote, now: float) -> None:
        """Tells a transport its peer's side; again when that was negotiated anew."""
        self.order(
            self.worker.set_remote,
            transport.id,
            remote.extensions,
            remote.payload_types,
            remote.cname,
        )
        transport.set_remote(remote.fingerprints, remote.client, now)

    def drop_transport(self, transport: Transport, why: str, now: float) -> None:
        """Closes a transport without a word to its owner, who asked for it."""
        self._transports.pop(transport.id, None)
        transport.close(why, now)

    def transport_closed(self, transport: Transport, now: float) -> None:
        """Called by the transport."""
        if transport.account is not None:
            transport.account.score(*self.subscribers.take_score(transport.id))
            transport.account.freeze(self.subscribers.freezes(transport.id))
        self.subscribers.close(transport.id, now, transport.remote_address)
        if self.fault is None:
            self._closing[transport.id] = transport
            self.order(self.worker.close_transport, transport.id)
        else:
            transport.counted(*transport.traffic)
        if transport.site is not None:
            transport.site.left(transport)
        if (entry := self._transports.pop(transport.id, None)) is not None:
            log.info("transport closed", transport=transport.id, reason=transport.why, bounded=True)
            entry[1].transport_lost(transport, now)

    def transport_moved(self, old: State, new: State) -> None:
        """Called by the transport: keeps count."""
        self.transports_by_state[old] -= 1
        if new is not State.CLOSED:
            self.transports_by_state[new] += 1

    def watch(self, transport: Transport) -> None:
        """Called by the transport: its deadline may have changed."""
        self._deadlines.watch(transport)

    def set_keys(self, transport: Transport, keys: SrtpKeys, now: float) -> None:
        """Called by the transport: media may flow."""
        self.subscribers.open(transport.id, now, transport.remote_address)
        self.order(self.worker.set_keys, transport.id, keys.profile, keys.receive, keys.send)

    def send_handshake(self, transport: Transport, datagrams: list[bytes]) -> None:
        """Called by the transport."""
        self.order(self.worker.send_handshake, transport.id, datagrams)

    # Tracks, routes, egresses

    def add_track(
        self,
        owner: TrackOwner,
        transport: Transport,
        mid: str,
        codec: str,
        layers: list[tuple[str, int, int]],
    ) -> int:
        """A published source; its owner gets the reports about it."""
        track = self.new_id()
        self._tracks[track] = owner
        self.order(self.worker.add_track, track, transport.id, mid, codec, layers)
        return track

    def remove_track(self, track: int) -> None:
        """Ends a track; routes bound to it fall silent."""
        if self._tracks.pop(track, None) is not None:
            self.order(self.worker.remove_track, track)

    def forget_track(self, track: int) -> None:
        """A track that has gone with its transport."""
        self._tracks.pop(track, None)

    def add_route(self, *, video: bool) -> int:
        """A fixed place on the stage of one worker alone; those of rooms are `sfu.sites`'s."""
        route = self.new_id()
        self.order(self.worker.add_route, route, video)
        return route

    def add_egress(
        self,
        owner: EgressOwner,
        transport: Transport,
        route: int,
        mid: str,
        ssrc: int,
        rtx_ssrc: int,
    ) -> int:
        """A route towards one receiver; its owner is told what it forwards."""
        egress = self.new_id()
        self._egresses[egress] = owner
        self.order(self.worker.add_egress, egress, transport.id, route, mid, ssrc, rtx_ssrc)
        return egress

    def aim(self, targets: list[tuple[int, int, int] | tuple[int, int, int, bool]]) -> None:
        """What egresses may show at most, as `Worker.set_targets` takes it."""
        self.order(self.worker.set_targets, targets)

    def forget_egress(self, egress: int) -> None:
        """An egress that has gone with its transport."""
        self._egresses.pop(egress, None)

    # The loop

    def read(self, now: float) -> None:
        """Takes the reports that wait and hands each to whom it concerns."""
        for report in self.worker.drain():
            try:
                self._dispatch(report, now)
            except Exception:
                # A fault of ours about one participant must not cost the others their reports.
                log.exception("report not handled", report=type(report).__name__)

    def tick(self, now: float) -> None:
        """Feedback, deadlines, and commands that had to wait."""
        if self.fault is not None:
            return
        self._send_backlog()
        self._tick_rates(now)
        self._deadlines.expire(self._transports, now)

    def _tick_rates(self, now: float) -> None:
        rates, changed = self.subscribers.tick(now, *self.worker.feedback())
        if rates:
            self.order(self.worker.set_rates, rates)
        by_owner: dict[TransportOwner, list[int]] = {}
        for id in changed:
            if entry := self._transports.get(id):
                by_owner.setdefault(entry[1], []).append(id)
        for owner, ids in by_owner.items():
            try:
                owner.leveled(ids, now)
            except Exception:
                # A fault about one room is not to keep others at their levels.
                log.exception("levels not followed", bounded=True)

    def stop(self) -> None:
        """Stops the worker; idempotent."""
        self.worker.stop()

    def abandon(self, now: float) -> None:
        """After a fault: all that was on the worker is gone, and its owners are told; publishers
        first, for whom the others wait."""
        for peer in self._peers:
            peer._peers.pop(self, None)
            peer.order(peer.worker.remove_peer, self.id)
        self._peers.clear()
        transports = [transport for transport, _ in self._transports.values()]
        for transport in sorted(transports, key=lambda each: each.site is not None):
            try:
                transport.close("worker fault", now)
            except Exception:
                log.exception("transport not abandoned", transport=transport.id, bounded=True)

    def _send_backlog(self) -> None:
        while self._backlog:
            try:
                if not self._sent(self._backlog[0]):
                    return
            except Exception:
                # A command that cannot be is not to hold up those behind it for ever.
                log.exception("command not given", bounded=True)
            if self._backlog:
                self._backlog.popleft()

    def _sent(self, command: Callable[[], None]) -> bool:
        """Whether the worker has taken a command, or never will."""
        try:
            command()
        except _plane.PlaneBusy:
            return False
        except RuntimeError as error:  # it has stopped; its Fault may still be on the way
            self._fail(str(error))
        return True

    def _dispatch(self, report: _plane.Report, now: float) -> None:
        match report:
            case _plane.Handshake(id, datagram):
                if entry := self._transports.get(id):
                    entry[0].receive(datagram, now)
                    self.watch(entry[0])
            case _plane.PathUp(id, remote):
                if entry := self._transports.get(id):
                    entry[0].path_up(remote, now)
                    self.watch(entry[0])
            case _plane.PathDown(id):
                if entry := self._transports.get(id):
                    entry[0].path_down(now)
            case _plane.Exceeded(id):
                if entry := self._transports.get(id):
                    entry[1].exceeded(entry[0], now)
            case _plane.Switched(egress, track, spatial, _):
                if receiver := self._egresses.get(egress):
                    receiver.switched(egress, track, spatial)
            case _plane.Audible(track, audible):
                if owner := self._tracks.get(track):
                    owner.audible(track, audible, now)
            case _plane.Levels(levels):
                self._share_levels(levels, now)
            case _plane.Traffic(totals):
                for id, received, sent in totals:
                    if entry := self._transports.get(id):
                        entry[0].traffic = (received, sent)
            case _plane.Closed(id, received, sent):
                if transport := self._closing.pop(id, None):
                    transport.counted(received, sent)
            case _plane.TrackRates(track, layers):
                if owner := self._tracks.get(track):
                    owner.rates(track, layers)
            case _plane.Refused(command, reason):
                log.warning("plane refused", command=command, reason=reason, bounded=True)
            case _plane.Fault(reason):
                self._fail(reason)

    def _share_levels(self, levels: list[tuple[int, int]], now: float) -> None:
        by_owner: dict[TrackOwner, list[tuple[int, int]]] = {}
        for track, level in levels:
            if owner := self._tracks.get(track):
                by_owner.setdefault(owner, []).append((track, level))
        for owner, own in by_owner.items():
            owner.levels(own, now)

    def _fail(self, reason: str) -> None:
        if self.fault is None:
            self.fault = reason
            self._backlog.clear()
            log.critical("worker stopped", reason=reason)
            closing, self._closing = self._closing, {}
            for transport in closing.values():
                transport.counted(*transport.traffic)
