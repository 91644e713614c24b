"""Synthetic clients on real sockets, served by one native thread, and the floor."""

from typing import TypedDict

class Snapshot(TypedDict):
    """What all clients of an engine have counted; times in nanoseconds."""

    now_ns: int
    cpu_ns: int
    """CPU time of the engine's thread."""
    slow_ns: int
    """For which the processor took more than twice as long for the same as it does at best, as far
    as was seen; it is looked at each millisecond."""
    attendees: int
    video_streams: int
    audio_streams: int
    """Of all attendees together, those of which something has come."""
    video: int
    audio: int
    """RTP packets that attendees received, retransmissions not counted."""
    retransmissions: int
    bytes: int
    expected: int
    received: int
    """By sequence numbers: what should have come, and what has (retransmissions included)."""
    recovered: int
    duplicates: int
    late: int
    nacks: int
    verified: int
    damaged: int
    """Packets that were opened and compared, and those that were not as sent."""
    skipped: int
    """Packets of the presenters that never came to an attendee who verifies."""
    strange: int
    sent_video: int
    sent_audio: int
    """Packets that the presenters sent."""
    keyframes: int
    keyframe_requests: int
    sent_again: int
    video_timed: int
    video_p50_ns: int
    video_p90_ns: int
    video_p99_ns: int
    video_p999_ns: int
    video_max_ns: int
    audio_timed: int
    audio_p50_ns: int
    audio_p90_ns: int
    audio_p99_ns: int
    audio_p999_ns: int
    audio_max_ns: int
    """From the presenter's send to the attendee's receive call, of verified packets."""
    steady_video_timed: int
    steady_video_p50_ns: int
    steady_video_p90_ns: int
    steady_video_p99_ns: int
    steady_video_p999_ns: int
    steady_video_max_ns: int
    steady_audio_timed: int
    steady_audio_p50_ns: int
    steady_audio_p90_ns: int
    steady_audio_p99_ns: int
    steady_audio_p999_ns: int
    steady_audio_max_ns: int
    """The same without packets that were under way while it was slow, or within 150 ms after."""

class Cost(TypedDict):
    """What the floor took."""

    packets: int
    cpu_ns: int
    steady_packets: int
    steady_cpu_ns: int
    """Of those quarters of a second in which the machine was not slow."""
    wall_ns: int
    sent: int
    """Packets of the whole run, warm-up included; `packets` is without."""
    received: Snapshot
    """Of the whole run."""

class Engine:
    """A thread with synthetic clients, on the cores that the caller may use.

    RuntimeError when the thread has ended, OSError when a socket cannot be had,
    ValueError for an argument that is out of range.
    """

    def __init__(self) -> None: ...
    @property
    def fileno(self) -> int:
        """Readable when `events` has something."""

    def add_attendee(self, *, verify: bool, format: tuple[int, int, int, int] | None = None) -> int:
        """Adds a client that receives, and gives its number. `format` is what the server's offer
        calls things: payload types of VP8, its retransmissions and Opus, extension id of the
        transport-wide sequence number; this server's if None."""

    def add_presenter(
        self,
        *,
        video_ssrc: int,
        audio_ssrc: int,
        bitrate: int,
        fps: int,
        seed: int,
        microphone: bool = True,
    ) -> int:
        """Adds a client that sends camera (mid "0") and microphone (mid "1") as soon as it has
        keys, and gives its number. `bitrate` is in bit/s."""

    def remove(self, endpoint: int) -> None:
        """Closes a client's socket without a word; it is no longer counted."""

    def relocate(self, endpoint: int) -> None:
        """The client goes on from another port, as after a change of network; the server learns of
        it by a check."""

    def impair(self, endpoint: int, loss: float) -> None:
        """From now on a share of what comes is lost, 0 to 1, and of the batches that go."""

    def heard(self) -> list[tuple[int, int, int]]:
        """Attendees with the packets of video and of sound that each has received so far."""

    def connect(
        self,
        endpoint: int,
        host: str,
        port: int,
        username: str,
        password: str,
        own_password: str = "",
    ) -> None:
        """Begins binding checks: `username` is "theirs:ours", `password` theirs; checks of a server
        that makes some itself are answered with `own_password`."""

    def send(self, endpoint: int, datagrams: list[bytes]) -> None:
        """Sends DTLS datagrams."""

    def set_keys(self, endpoint: int, profile: str, receive: bytes, send: bytes) -> None:
        """Begins with media; master key and salt of each direction."""

    def events(self) -> list[tuple[int, bytes | int | None]]:
        """What has come since the last call: None for a path that is up, a DTLS datagram, or when
        the first packet of a picture came (CLOCK_MONOTONIC, nanoseconds)."""

    def snapshot(self, *, begin: bool = False) -> Snapshot:
        """All counts so far; `begin` starts the latencies anew afterwards."""

    def stop(self) -> None:
        """Ends the thread; idempotent."""

def floor(
    *,
    receivers: int,
    presenters: int,
    bitrate: int,
    fps: int,
    seconds: float,
    core: int | None,
    microphones: int | None = None,
) -> Cost:
    """Seals and sends in real time, from a thread on `core`, what that many presenters send, to
    sockets that a thread on the caller's cores drains. Blocks, without the interpreter's lock."""
