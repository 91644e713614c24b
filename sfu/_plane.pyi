"""The contract between the control plane and the packet plane.

Commands go down as methods that enqueue and return at once; reports come up
through `drain`, announced by an eventfd. Identifiers (transport, track, route,
egress) are chosen by the caller, are unique per worker and never used again.

Words: a *track* is a published source; its *layers* are the simulcast streams,
lowest first. A *route* is what a fixed place on the stage shows: it has at most
one track at a time and any number of *egresses*, one per receiving transport.
Binding a route to another track is the one command behind seat rotation,
camera on and off, and speaker switching, whatever the number of receivers.
"""

from collections.abc import Sequence
from typing import Final, Self, final

__all__ = [
    "DELTA_DTYPE",
    "FEEDBACK_DTYPE",
    "RATES_DTYPE",
    "Audible",
    "Closed",
    "Exceeded",
    "Fault",
    "Handshake",
    "Levels",
    "PathDown",
    "PathUp",
    "PlaneBusy",
    "Refused",
    "RelayEnd",
    "Report",
    "Switched",
    "TrackRates",
    "Traffic",
    "Worker",
]

class PlaneBusy(RuntimeError):
    """The worker's command queue is full; nothing was enqueued."""

@final
class Handshake:
    """A DTLS datagram from a peer whose address a binding check has validated."""

    __match_args__ = ("transport", "datagram")
    transport: int
    datagram: bytes

@final
class PathUp:
    """A binding check succeeded for the first time or from a new address (RFC 8445 §7.3)."""

    __match_args__ = ("transport", "remote")
    transport: int
    remote: str

@final
class PathDown:
    """Consent expired: no valid binding check for 30 s (RFC 7675 §5.1)."""

    __match_args__ = ("transport",)
    transport: int

@final
class Switched:
    """What an egress forwards now; `track` None while silent, `spatial` -1 while paused."""

    __match_args__ = ("egress", "track", "spatial", "temporal")
    egress: int
    track: int | None
    spatial: int
    temporal: int

@final
class Audible:
    """A microphone began or ceased to be heard (RFC 6464 levels, with hang-over)."""

    __match_args__ = ("track", "audible")
    track: int
    audible: bool

@final
class Levels:
    """Smoothed levels of audible tracks, -dBov (0 loudest, 127 silent), five times a second."""

    __match_args__ = ("levels",)
    levels: list[tuple[int, int]]

@final
class Traffic:
    """(transport, bytes received, bytes sent) of each transport so far, media only."""

    __match_args__ = ("totals",)
    totals: list[tuple[int, int, int]]

@final
class Closed:
    """A transport is gone, with the media bytes received and sent over all its life: the
    answer to each `close_transport`."""

    __match_args__ = ("transport", "received", "sent")
    transport: int
    received: int
    sent: int

@final
class TrackRates:
    """Once a second: (bit/s, frames/s, width, height) by layer, lowest first; zeros if unseen."""

    __match_args__ = ("track", "layers")
    track: int
    layers: list[tuple[int, float, int, int]]

@final
class Exceeded:
    """What is forwarded of a publisher has come to a second's worth of its ceiling beyond it
    (`Worker.set_upload`), and again by as much since it was last said."""

    __match_args__ = ("transport",)
    transport: int

@final
class Refused:
    """A command named something that is not there or broke a limit; `reason` is for the log."""

    __match_args__ = ("command", "reason")
    command: str
    reason: str

@final
class Fault:
    """The worker's thread has panicked and stopped; everything on it is gone."""

    __match_args__ = ("reason",)
    reason: str

Report = (
    Handshake
    | PathUp
    | PathDown
    | Switched
    | Audible
    | Levels
    | Traffic
    | Closed
    | TrackRates
    | Exceeded
    | Refused
    | Fault
)

FEEDBACK_DTYPE: Final[list[tuple[str, str]]]
"""numpy dtype description of one feedback row (little endian, packed): what a transport was sent
and what its receiver said since the row before. Times are CLOCK_MONOTONIC.

- flags: 1 transport-wide feedback came, 2 REMB, 4 a receiver report; 8 silent: sending, but no
  feedback for 500 ms, said every 500 ms; 16 reset: another path or receiver's clock, the deltas
  start anew; 32 the probe fields hold a finished cluster; 64 partial: some of what was sent has no
  transport-wide number
- reports: feedback packets; time_us: when the newest came, or without one the row was closed
- last_sent_us: when the newest packet reported on was sent, 0 if none
- acked, lost, unlost: packets and bytes reported as received, as lost, and as received after
  having been reported lost; a packet counts once in acked, late or not
- sent_bytes, sent_rtx_bytes, sent_padding_bytes: media, repairs, padding
- throughput_bps: what arrives, the lower of the rates of sending and receiving; 0 unknown
- round_trip_us: the least, from the newest acked packet; of receiver reports where nothing else
  came; 0 unknown
- delay_min_us, delay_max_us: one-way delay of acked packets above the least of the last 100 s
- in_flight_bytes: sent, not yet reported on; queued_us: age of the oldest packet that the pacer
  holds
- probe…: id of a finished cluster, what of it was acked, its rates; receive rate 0: failed
- marks: packets marked ECN CE; remb_bps: the receiver's estimate; report_loss: worst fraction lost
  of receiver reports, 1/256; nacked: packets asked for again
- deltas: entries of the second array that belong to this row, in order
- freezes, frozen_ms: pictures that began to stand still, and for how long any did, because the path
  did not take them or another layer's keyframe was waited for; freezes_keyframe,
  frozen_keyframe_ms: those of them that the keyframe was waited for; freezes_publisher,
  frozen_publisher_ms: besides those, because the publisher sent nothing and then went on"""

DELTA_DTYPE: Final[list[tuple[str, str]]]
"""numpy dtype description of one delta (little endian, packed): how far apart two successive
groups of packets, 5 ms of sending each, left and came in; arrival_us is on the receiver's clock,
size in bytes."""

RATES_DTYPE: Final[list[tuple[str, str]]]
"""numpy dtype description of one row for `Worker.set_rates` (little endian, packed), bit/s.

- flags: 1 start the probe cluster that the row describes, 2 abort those that have not ended, 4 at
  leisure: nothing is to be gained by hearing of it soon, so its feedback may wait for a second, and
  the last twenty deltas will do; what is urgent comes at once all the same
- probe: the cluster's id, never 0 with flag 1; it is sent at probe_bps until probe_bytes and
  probe_packets have left
- target_bps: what the path is believed to carry
- pacing_bps: no faster than this, 0 for no limit
- padding_bps: repairs of what was just sent, or bare padding, fill up to this total; 0 for none"""

@final
class RelayEnd:
    """What one of two workers has of the relays between them; used once."""

@final
class Worker:
    """One thread with one UDP socket, and with `tcp_connections` a TCP listener on the same port.

    `host` None binds every address of both families; `tcp_waiting` is in bytes,
    `tcp_first_check` in seconds. Raises OSError when the
    port cannot be bound and ValueError for limits out of range.
    """

    def __new__(
        cls,
        *,
        host: str | None = None,
        port: int = 0,
        commands: int = 65536,
        transports: int = 16384,
        video_ring: int = 1024,
        audio_ring: int = 128,
        socket_buffer: int = 4 << 20,
        tcp_connections: int = 0,
        tcp_connections_per_address: int = 1000,
        tcp_waiting: int = 262144,
        tcp_first_check: float = 10.0,
    ) -> Self: ...
    @property
    def port(self) -> int: ...
    @property
    def fileno(self) -> int:
        """An eventfd that is readable while reports wait; `drain` resets it."""

    def drain(self) -> list[Report]: ...
    def feedback(self) -> tuple[bytes, bytes]:
        """Feedback rows since the last call, one per transport with news, and their deltas."""

    def counters(self) -> dict[str, int]:
        """Totals since the start; names are the plane's (`packets_in_rtp`, `drop_replayed`, …)."""

    def stop(self) -> None:
        """Stops the thread and closes the socket; idempotent."""
    # Commands. All raise PlaneBusy, or ValueError for what can be told at once.
    def open_transport(self, transport: int, ufrag: str, pwd: str) -> None: ...
    def restart_ice(self, transport: int, ufrag: str, pwd: str) -> None:
        """Binding checks under these are answered, too; once one has nominated an address, those
        under the former are not any more (RFC 8445 §9). Keys, tracks and egresses stay."""

    def set_remote(
        self,
        transport: int,
        extensions: dict[str, int],
        payload_types: list[tuple[int, str, int]],
        cname: str,
    ) -> None:
        """What was negotiated: extension ids; (payload type, codec, its retransmissions' or -1)."""

    def set_keys(self, transport: int, profile: str, receive: bytes, send: bytes) -> None:
        """SRTP master key and salt behind each other, per direction (RFC 5764 §4.2); once."""

    def send_handshake(self, transport: int, datagrams: list[bytes]) -> None: ...
    def close_transport(self, transport: int) -> None:
        """Also removes its tracks and egresses; ends in a `Closed` report."""

    def add_track(
        self,
        track: int,
        transport: int,
        mid: str,
        codec: str,
        layers: list[tuple[str, int, int]],
    ) -> None:
        """One (rid, ssrc, retransmission ssrc) per layer, lowest first; '' and 0 where unknown.

        Streams without a known SSRC are recognised by the mid, rid and
        repaired-rid header extensions (RFC 8843 §9.2, RFC 8852)."""

    def remove_track(self, track: int) -> None:
        """A peer's track, too."""

    def connect(self, other: Worker, capacity: int) -> tuple[RelayEnd, RelayEnd]:
        """Relays between this worker and another: this one's end and the other's, for `add_peer`.

        At most `capacity` packets wait in each direction; then what waits gives way to what is new
        (`drop_relay_full`), the other sees a hole and asks for a keyframe."""

    def add_peer(self, peer: int, end: RelayEnd) -> None:
        """Another worker, by a number of the caller's, can be reached from now on."""

    def remove_peer(self, peer: int) -> None:
        """It is gone, and the tracks that it fed here with it."""

    def add_relayed_track(self, track: int, peer: int, codec: str, layers: int) -> None:
        """A track of a peer's under the same number: routes can be bound to it as to one of this
        worker's own. Comes before the peer's `relay`."""

    def relay(self, track: int, peer: int) -> None:
        """A track that is received here is passed on to a peer from now on, beginning with the
        keyframe in the ring."""

    def end_relay(self, track: int, peer: int) -> None: ...
    def mute(self, track: int, muted: bool) -> None:
        """A muted track is received but never forwarded."""

    def compete(self, track: int, group: int, most: int) -> None:
        """The microphone is one of a group's, of which the `most` loudest are forwarded at a time.

        `group` is any number, the same for all microphones of a room; again to change `most`.
        `Levels` tells of those only that are forwarded."""

    def add_route(self, route: int, video: bool, rests: bool = False) -> None:
        """A picture that rests, such as a screen, sends no frames while nothing in it changes: that
        it stands still then is not counted."""

    def bind(self, route: int, track: int | None) -> None: ...
    def weigh(self, route: int, weight: int) -> None:
        """A picture's share, 1 to 255, of each receiver's pace where pictures have to wait for each
        other; 1 until told otherwise. What a picture does not need of its share is the others'."""

    def remove_route(self, route: int) -> None: ...
    def add_egress(
        self,
        egress: int,
        transport: int,
        route: int,
        mid: str,
        ssrc: int,
        rtx_ssrc: int,
    ) -> None: ...
    def show_routes(self, moves: Sequence[tuple[int, int]]) -> None:
        """(egress, route) each: the egress goes on with this route, in one continuous stream."""

    def remove_egress(self, egress: int) -> None: ...
    def set_targets(
        self, targets: Sequence[tuple[int, int, int] | tuple[int, int, int, bool]]
    ) -> None:
        """(egress, spatial, temporal) each; spatial -1 pauses; too high means the highest.

        A higher spatial layer goes on until the lower one's keyframe; with a fourth element that
        is true it ends at once. Temporal layers end at once in any case."""

    def cap(self, track: int, layers: int) -> None:
        """No more than so many of a track's layers are forwarded, the lowest; of all of them
        `TrackRates` go on. A picture goes on with a keyframe."""

    def set_upload(self, transport: int, bps: int, sound: int = 0) -> None:
        """What a publisher may send in all, 0 for no limit: it is told so by REMB about once a
        second, and at once when this is new. Where what is forwarded of it comes to a second's
        worth beyond that, there is an `Exceeded`. `sound` is the most that a single source of sound
        may send, 0 for no limit: what is beyond that is dropped."""

    def set_rates(self, rates: bytes) -> None:
        """Packed rows of RATES_DTYPE, of the transports whose rates change."""

    def report_traffic(self) -> None:
        """Asks for a `Traffic` report."""

    def request_keyframe(self, track: int) -> None: ...
    def panic(self) -> None:
        """For tests of what contains a bug: the thread ends as by one. No client's message leads
        here."""
