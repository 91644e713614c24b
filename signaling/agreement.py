"""The values that both negotiations share: transports, layers, tracks, slots, what was agreed."""

import hashlib
from dataclasses import dataclass
from typing import Literal

from sfu.track import Source


class NegotiationError(ValueError):
    """A description we cannot agree to; `code` is stable, the message is for people.

    Codes: bad_sdp, unknown_mid, wrong_source_kind, duplicate_source, not_sending,
    no_common_codec, bundle_required, rtcp_mux_required, dtls_required,
    ice_required, transport_changed, answer_mismatch, not_acceptable.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class LocalTransport:
    """Our end: ICE credentials, certificate fingerprint, host candidates (UDP)."""

    ufrag: str
    pwd: str
    fingerprint: str
    """As in SDP: "sha-256 AB:CD:…"."""
    candidates: tuple[tuple[str, int], ...]
    """(address, port), most preferred first."""
    tcp: bool = False
    """Whether connections are taken there, too (RFC 6544)."""
    origin: str = ""
    """What all descriptions of it have in common; the first fragment where it is empty."""


@dataclass(frozen=True, slots=True)
class RemoteTransport:
    """The peer's end, as its description says."""

    ufrag: str
    pwd: str
    fingerprints: tuple[str, ...]
    """Each "sha-256 AB:CD:…" with a lower-case algorithm and upper-case digits."""
    setup: Literal["active", "passive", "actpass"]
    session: int = 0
    """The id in an offer's origin: the same in all of one connection (RFC 9429 §5.2.1). Of answers
    it is not asked: we know what they are the answers to."""

    @property
    def we_are_client(self) -> bool:
        """Whether we open the DTLS handshake (RFC 5763 §5): only when the peer waits for it."""
        return self.setup == "passive"

    def is_same(self, other: "RemoteTransport") -> bool:
        """Whether nothing has changed since the other description."""
        return (self.ufrag, self.pwd) == (other.ufrag, other.pwd) and self._is_secured_as(other)

    def restarts(self, other: "RemoteTransport") -> bool:
        """Whether ICE has restarted since the other description of the connection: both fragment
        and password are other ones (RFC 8839 §4.4.1.1.1), and DTLS goes on."""
        changed = self.ufrag != other.ufrag and self.pwd != other.pwd
        return changed and self.session == other.session and self._is_secured_as(other)

    def _is_secured_as(self, other: "RemoteTransport") -> bool:
        return set(self.fingerprints) == set(other.fingerprints)


@dataclass(frozen=True, slots=True)
class Layer:
    """One simulcast stream; "" and 0 where the description does not say."""

    rid: str
    ssrc: int
    rtx_ssrc: int


@dataclass(frozen=True, slots=True)
class PublishedTrack:
    """A source that the answer accepts; layers lowest first."""

    mid: str
    source: Source
    codec: str
    layers: tuple[Layer, ...]


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What `Worker.set_remote` takes, the peer's transport, and the m-lines that carry media."""

    remote: RemoteTransport
    extensions: dict[str, int]
    """Extension name (of the plane) to id."""
    payload_types: list[tuple[int, str, int]]
    """(payload type, codec, retransmission payload type or -1)."""
    cname: str
    """The CNAME that our own RTCP carries on this transport."""
    mids: frozenset[str]


@dataclass(frozen=True, slots=True)
class PublishAnswer:
    """The answer to send, and what it agreed to."""

    sdp: str
    negotiated: Negotiated
    tracks: tuple[PublishedTrack, ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """A fixed pair of m-lines of the receiving connection, e.g. "seat-0" or "screen"."""

    name: str
    audio_mid: str
    video_mid: str
    audio_ssrc: int
    video_ssrc: int
    video_rtx_ssrc: int


EXTENSIONS = {
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level": "audio-level",
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time": "abs-send-time",
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01": "transport-cc",
    "urn:ietf:params:rtp-hdrext:sdes:mid": "mid",
    "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay": "playout-delay",
    "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id": "rid",
    "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id": "repaired-rid",
    "urn:3gpp:video-orientation": "video-orientation",
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension": (
        "dependency-descriptor"
    ),
}
"""Header extension URIs to the packet plane's names."""


def session_id(local: LocalTransport) -> int:
    """The origin's id of all descriptions of one transport: 63 bits at most (RFC 9429 §5.2.1)."""
    name = local.origin or local.ufrag
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) >> 1


def candidates(local: LocalTransport) -> list[str]:
    """The values of our a=candidate lines: host candidates, the first preferred (RFC 8839 §5.1);
    passive ones of TCP behind those of UDP (RFC 6544 §4.5)."""
    lines = []
    for index, (address, port) in enumerate(local.candidates):
        # RFC 8445 §5.1.2.1: type preference 126 (host), local preference falling, component 1.
        priority = (126 << 24) | ((65535 - index) << 8) | 255
        lines.append(f"{index + 1} 1 udp {priority} {address} {port} typ host")
    if not local.tcp:
        return lines
    for index, (address, port) in enumerate(local.candidates):
        # RFC 6544 §4.2: a lower type preference than UDP's; direction 4 (passive) in 3 bits.
        priority = (_TCP_HOST << 24) | ((4 << 13 | 8191 - index) << 8) | 255
        foundation = len(local.candidates) + index + 1
        lines.append(f"{foundation} 1 tcp {priority} {address} {port} typ host tcptype passive")
    return lines


_TCP_HOST = 90  # libwebrtc: ICE_TYPE_PREFERENCE_HOST_TCP
