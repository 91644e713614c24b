"""The settings: one frozen model per TOML table, default and comment beside each field.

`sfu.toml`, the JSON schema, the texts of errors and the environment overrides
all come from these models. A field's docstring is its comment in `sfu.toml`.
"""

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from sfu.config.value import (
    BindAddress,
    Count,
    Duration,
    HttpUrl,
    IceUrls,
    IpAddresses,
    IpNetworks,
    OptionalCount,
    OptionalDuration,
    Origins,
    Port,
    Secret,
)


class Table(BaseModel):
    """A TOML table: unknown keys are errors, and "7800" is not a number."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )


class ServerSettings(Table):
    """HTTP, WebSocket, REST, metrics and pages: one TCP port."""

    host: Annotated[str, Field(min_length=1)] = "0.0.0.0"
    """Address or host name to listen on; "::" is every address of IPv6."""

    port: Port = 7800
    """TCP port; 0 lets the system choose."""

    drain_timeout: Duration = 600.0
    """After SIGTERM, how long those who are in a room may stay."""

    empty_timeout: OptionalDuration = None
    """How long a room may be empty before it ends."""

    trusted_proxies: IpNetworks = ()
    """Proxies in front of this server, as addresses or networks: they are exempt from the limits
    per address."""

    certificate: str = ""
    """PEM file of the certificate and its chain: the port speaks HTTPS and WSS; "" is HTTP and
    WS."""

    key: str = ""
    """PEM file of the certificate's private key, not encrypted."""

    preflight: Literal["token", "open", "off"] = "token"
    """Who may check their devices and their way to this server before joining: whoever has a join
    token, everybody, or nobody. A development server lets everybody."""

    allowed_origins: Origins = ("*",)
    """Pages whose scripts may open sockets and call REST, besides this server's own host: origins
    such as "https://example.com" or "https://*.example.com"; "*" is every page."""

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key belong together: set both, or none")
        return self


class MediaSettings(Table):
    """Media: one port per worker, of UDP and of TCP, counted up from the first."""

    host: BindAddress = ""
    """Address to bind; "" is every address of both families."""

    udp_port: Port = 7801
    """UDP port of the first worker; 0 lets the system choose for each."""

    workers: Annotated[int, Field(ge=0, le=64)] = 1
    """Threads that forward packets; 0 is one per processor core."""

    spill_after: Count = 500
    """Receivers of one room on one worker, after which the next ones of the room go to another
    worker: smaller rooms stay on one."""

    relay_queue: Annotated[int, Field(ge=1024, le=1 << 16)] = 4096
    """Packets that may wait between two workers, per direction; when there are more, all that waits
    gives way."""

    announced_addresses: IpAddresses = ()
    """Addresses that clients are told to send to; none means this host's own. Needed behind
    NAT."""

    command_queue: Annotated[int, Field(ge=1024, le=1 << 24)] = 65536
    """Commands that may wait for one worker."""

    transports: Annotated[int, Field(ge=1, le=1 << 20)] = 16384
    """Transports on one worker; a participant has one or two."""

    video_ring: Annotated[int, Field(ge=64, le=1 << 16)] = 1024
    """Packets kept of each video layer, for retransmissions and late joiners."""

    audio_ring: Annotated[int, Field(ge=16, le=1 << 14)] = 128
    """Packets kept of each audio track."""

    socket_buffer: Annotated[int, Field(ge=65536, le=1 << 30)] = 4 << 20
    """Bytes of kernel buffer, per direction, asked for at each media socket."""

    tcp: bool = True
    """Whether media may come over TCP, on the same port numbers (ICE-TCP, RFC 6544): for clients
    whose network lets no UDP through."""

    tcp_connections: Annotated[int, Field(ge=1, le=1 << 20)] = 4096
    """TCP connections of one worker; a full table gives up who has shown no valid check yet."""

    tcp_connections_per_address: Annotated[int, Field(ge=1, le=1 << 20)] = 1000
    """TCP connections of one worker from one address, or one /64 of IPv6."""

    tcp_waiting: Annotated[int, Field(ge=1 << 14, le=1 << 26)] = 1 << 18
    """Bytes that may wait for one TCP connection: beyond a quarter pictures are held back, beyond
    all of it nothing is taken."""

    tcp_first_check: Annotated[Duration, Field(gt=0, le=3600)] = 10.0
    """From a TCP connection to its first valid binding check (ICE)."""

    remembered_paths: Annotated[int, Field(ge=0, le=1 << 20)] = 4096
    """Networks of which one worker remembers for ten minutes what receivers there were carried:
    who comes from there begins with more; 0 remembers none."""

    def worker_count(self, cores: int) -> int:
        """Threads to start on a machine with this many processor cores."""
        return self.workers or max(1, min(cores, 64))

    @model_validator(mode="after")
    def _ports_fit(self) -> Self:
        if self.udp_port and self.udp_port + self.workers - 1 > 65535:
            raise ValueError(
                f"udp_port {self.udp_port} with {self.workers} workers goes beyond port 65535"
            )
        return self


class TurnSettings(Table):
    """TURN and STUN servers of somebody else, for clients that cannot reach the media ports."""

    urls: IceUrls = ()
    """What clients are told, such as "turn:turn.example.com:3478?transport=tcp"; none is nobody."""

    secret: Secret = SecretStr("")
    """What the TURN servers check users by (`static-auth-secret` of coturn): each participant gets
    a user name and a password of their own that expire."""

    ttl: Duration = 3600.0
    """How long these are good for. Who is connected stays connected."""

    @model_validator(mode="after")
    def _usable(self) -> Self:
        relays = any(url.startswith("turn") for url in self.urls)
        if relays and not self.secret.get_secret_value():
            raise ValueError("turn servers need a secret")
        return self


class StoreSettings(Table):
    """Where rooms, bans, usage and undelivered webhooks are kept."""

    path: Annotated[str, Field(min_length=1)] = "sfu.sqlite"
    """SQLite file, relative to the working directory."""

    url: Annotated[str, Field(pattern=r"^$|^(redis|rediss|unix)://")] = ""
    """Redis, in place of the file, such as "redis://localhost:6379/0"."""

    lease: Annotated[Duration, Field(ge=1, le=45)] = 8.0
    """How long Redis is kept for a server that is not heard of any more: only then another one may
    have it, but at once where it is known that the former one has ended."""

    events_kept: Duration = 90 * 86_400.0
    """How long a room's event log is kept: who was granted, muted, admitted, removed, by whom."""

    events_per_room: Count = 10_000
    """Entries of one room's event log; the oldest go first."""


SLOTS: Final = 64
"""A receiving connection has no more than these, of two m-lines each: more than this is refused by
`signaling/sdp.py`, and too much for browsers."""


def too_many_slots(presenters: int, meeting: int) -> str | None:
    """What is wrong with these numbers of a room, if there is anything: everybody of a meeting
    may be seen besides all seats; the organizer and the screen have a slot as well."""
    if presenters + meeting + 2 <= SLOTS:
        return None
    return (
        f"presenters and meeting are more than {SLOTS - 2} together, which is all that can be shown"
    )


class RoomSettings(Table):
    """What a room has unless its creator says otherwise."""

    presenters: Annotated[int, Field(ge=0, le=100)] = 4
    """Seats, without the organizer's, which comes on top."""

    cameras: Annotated[int, Field(ge=0, le=25)] = 4
    """Cameras that are on at once."""

    attendees: Annotated[int, Field(ge=0, le=1_000_000)] = 1000
    """People let in besides presenters; who comes later waits."""

    meeting: Annotated[int, Field(ge=1, le=100)] = 25
    """People in a room while it is in meeting mode."""

    microphones: Annotated[int, Field(ge=1, le=100)] = 5
    """Microphones that are forwarded at a time: the loudest."""

    video: Literal["sd", "hd"] = "sd"
    """Budget of each camera: 1 or 2 Mbit/s."""

    screen: Literal["lite", "hq", "browser"] = "lite"
    """Budget of the screen share: 2, 5 or 4 Mbit/s."""

    @model_validator(mode="after")
    def _everybody_can_be_shown(self) -> Self:
        if wrong := too_many_slots(self.presenters, self.meeting):
            raise ValueError(wrong)
        return self


class LimitSettings(Table):
    """Bounds that keep one client, or very many, from hurting the others."""

    rooms: Count = 10_000
    """Rooms at once."""

    participants_per_room: Count = 12_000
    """People in one room, those who wait included."""

    sockets: Count = 20_000
    """Signaling sockets at once."""

    connections: Count = 8000
    """Connections of HTTP at once that are no signaling sockets (yet), those with whom TLS is still
    to be agreed upon included; when there are more, the one that has waited longest with an
    unfinished request gives way, or nobody new comes in for a moment."""

    connections_per_address: Count = 4000
    """Connections of HTTP from one address that are no signaling sockets (yet); a browser opens six
    for a page. Loopback and trusted proxies are exempt."""

    sockets_per_address: Count = 1000
    """Signaling sockets from one address; loopback and trusted proxies are exempt."""

    sockets_per_second_per_address: Count = 200
    """Signaling sockets that one address opens, lastingly; at once as many as it may have. Loopback
    and trusted proxies are exempt."""

    unjoined_sockets: Count = 4000
    """Signaling sockets at once that have not joined yet; when there are more, the one that has
    waited longest gives way, or nobody new comes in for a moment."""

    joins_per_second_per_address: Count = 200
    """Joins from one address; loopback and trusted proxies are exempt."""

    wrong_passwords_per_minute_per_address: Count = 30
    """Guesses at rooms' passwords from one address; more make it wait. Loopback and trusted
    proxies are exempt."""

    frame_bytes: Annotated[int, Field(ge=4096, le=1 << 24)] = 262_144
    """Largest WebSocket frame and largest REST body."""

    sdp_bytes: Annotated[int, Field(ge=4096, le=1 << 24)] = 196_608
    """Largest session description."""

    message_bytes: Annotated[int, Field(ge=1, le=1 << 20)] = 65_536
    """Largest body of an app message."""

    messages_per_second: Count = 10
    """App messages of one participant, lastingly."""

    messages_burst: Count = 50
    """App messages of one participant, at once."""

    malformed_frames: Count = 100
    """Malformed frames within `malformed_window` that close a socket (1008)."""

    malformed_window: Duration = 10.0
    """Window in which malformed frames are counted."""

    pending_frames: Count = 512
    """Frames that may wait to be sent to one client; a slower one is disconnected."""

    request_timeout: Annotated[Duration, Field(gt=0, le=3600)] = 20.0
    """From the beginning of a connection of HTTP, or of a request, to the request's end, its body
    included; with TLS also to the end of the handshake before it."""

    join_timeout: Duration = 10.0
    """From the opening of a socket to its join."""

    path_timeout: Duration = 30.0
    """From a description to the first valid binding check (ICE). To receive, another connection is
    offered after 5 seconds already, then after 10, 20, and so on up to this."""

    handshake_timeout: Duration = 15.0
    """From the first valid binding check to the end of the handshake (DTLS)."""

    resume_timeout: Duration = 30.0
    """How long a participant whose socket is gone keeps their place."""

    preflight_sessions: Count = 10
    """Checks before joining at once: each sends and receives up to `preflight_bitrate`."""

    preflight_sessions_per_address: Count = 4
    """Those from one address; loopback and trusted proxies are exempt. A check takes up to three:
    over UDP, TCP and a relay."""

    preflight_sessions_per_person: Count = 3
    """Those with join tokens of one identity, from wherever."""

    preflights_per_minute_per_address: Count = 20
    """Begun from one address; loopback and trusted proxies are exempt."""

    preflight_timeout: Annotated[Duration, Field(gt=0, le=120)] = 20.0
    """After which one ends, whatever its client does."""

    preflight_bitrate: Annotated[int, Field(ge=100_000, le=100_000_000)] = 12_000_000
    """bit/s, in each direction: more than that is not looked for."""

    @model_validator(mode="after")
    def _frames_hold_descriptions(self) -> Self:
        if self.sdp_bytes > self.frame_bytes:
            raise ValueError("sdp_bytes is larger than frame_bytes, so it could never be reached")
        return self


class LogSettings(Table):
    """The log, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least important level that is written."""

    format: Literal["auto", "human", "json"] = "auto"
    """One event per line; auto is human in a terminal and JSON elsewhere."""


class TenantSettings(Table):
    """Who may use this server: an account of the embedding backend."""

    secret: Annotated[Secret, Field(min_length=1)]
    """Key of REST calls and join tokens; 32 random bytes or more are right (RFC 7518 §3.2)."""

    webhook_url: HttpUrl = ""
    """Where events are posted; "" is nowhere."""

    webhook_secret: Secret = SecretStr("")
    """Key that signs webhooks; "" is `secret`."""

    parallel_events: OptionalCount = 1
    """Live events at once."""

    max_rooms: OptionalCount = 1000
    """Rooms at once, prepared and ended ones included."""

    max_participants: OptionalCount = None
    """People in all its rooms at once, presenters and those who wait included."""

    joins_per_second: OptionalCount = None
    """People who come into its rooms, or to their doors, lastingly; as many at once."""


TenantName = Annotated[
    str, Field(pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*$", max_length=64, min_length=1)
]


class Settings(Table):
    """Everything that can be set; `load` makes one, and nothing changes it afterwards."""

    server: ServerSettings = ServerSettings()
    media: MediaSettings = MediaSettings()
    turn: TurnSettings = TurnSettings()
    store: StoreSettings = StoreSettings()
    room: RoomSettings = RoomSettings()
    limits: LimitSettings = LimitSettings()
    log: LogSettings = LogSettings()
    tenants: dict[TenantName, TenantSettings] = {}
