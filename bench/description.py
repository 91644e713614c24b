"""Session descriptions of synthetic clients, by hand: one camera and one microphone out, or an
answer that takes everything."""

import re
import secrets
from dataclasses import dataclass, field

from sfu.bench.errors import BenchError

VIDEO_MID = "0"
AUDIO_MID = "1"
SOURCES = {VIDEO_MID: "camera", AUDIO_MID: "microphone"}


class DescriptionError(BenchError):
    """A description of the server lacks something that a client needs."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """ICE credentials (RFC 8839 §5.4)."""

    ufrag: str
    pwd: str = field(repr=False)

    @classmethod
    def generate(cls) -> "Credentials":
        """Fresh ones."""
        return cls(secrets.token_hex(4), secrets.token_hex(16))


@dataclass(frozen=True, slots=True)
class Remote:
    """What a client needs of the server's description."""

    credentials: Credentials
    fingerprints: tuple[str, ...]
    host: str
    port: int


def read_remote(description: str) -> Remote:
    """Reads the server's transport. Raises DescriptionError when something is missing."""
    candidate = _first(r"candidate:\S+ 1 udp \d+ (\d+\.\S+) (\d+) typ host", description)
    return read_transport(description, candidate[1], int(candidate[2]))


def read_transport(description: str, host: str, port: int) -> Remote:
    """The same at an address that is known otherwise."""
    return Remote(
        Credentials(
            _first(r"ice-ufrag:(\S+)", description)[1], _first(r"ice-pwd:(\S+)", description)[1]
        ),
        (_first(r"fingerprint:(\S+ \S+)", description)[1],),
        host,
        port,
    )


def _first(pattern: str, description: str) -> re.Match[str]:
    match = re.search(f"^a={pattern}", description, re.MULTILINE | re.IGNORECASE)
    if match is None:
        raise DescriptionError(f"the server's description has no a={pattern.partition(':')[0]}")
    return match


def publish_offer(
    ours: Credentials,
    fingerprint: str,
    video_ssrc: int,
    audio_ssrc: int,
    *,
    microphone: bool = True,
    setup: str = "actpass",
    session: int = 1,
) -> str:
    """Offers a VP8 camera (mid "0") and an Opus microphone (mid "1"), one layer each. All offers
    of one connection have one `session` (RFC 9429 §5.2.1)."""
    mids = f"{VIDEO_MID} {AUDIO_MID}" if microphone else VIDEO_MID
    lines = [
        "v=0",
        f"o=- {session} 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        f"a=group:BUNDLE {mids}",
        "a=extmap-allow-mixed",
        *_section("video 9 UDP/TLS/RTP/SAVPF 96 97", VIDEO_MID, ours, fingerprint, setup),
        "a=rtpmap:96 VP8/90000",
        "a=rtcp-fb:96 nack",
        "a=rtcp-fb:96 nack pli",
        "a=rtcp-fb:96 ccm fir",
        "a=rtcp-fb:96 transport-cc",
        "a=rtpmap:97 rtx/90000",
        "a=fmtp:97 apt=96",
        f"a=ssrc-group:FID {video_ssrc} {video_ssrc + 1}",
        f"a=ssrc:{video_ssrc} cname:presenter",
        f"a=ssrc:{video_ssrc + 1} cname:presenter",
    ]
    if microphone:
        lines += [
            *_section("audio 9 UDP/TLS/RTP/SAVPF 111", AUDIO_MID, ours, fingerprint, setup),
            "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
            "a=rtpmap:111 opus/48000/2",
            "a=rtcp-fb:111 transport-cc",
            "a=fmtp:111 minptime=10;useinbandfec=1",
            f"a=ssrc:{audio_ssrc} cname:presenter",
        ]
    return "".join(f"{line}\r\n" for line in lines)


def _section(head: str, mid: str, ours: Credentials, fingerprint: str, setup: str) -> list[str]:
    return [
        f"m={head}",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{mid}",
        "a=sendonly",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        f"a=msid:presenter {mid}",
        f"a=ice-ufrag:{ours.ufrag}",
        f"a=ice-pwd:{ours.pwd}",
        f"a=fingerprint:{fingerprint}",
        f"a=setup:{setup}",
        "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
    ]


Format = tuple[int, int, int, int]
"""Payload types of VP8, its retransmissions and Opus, extension id of transport-wide numbers."""
_TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"


def read_format(offer: str) -> Format:
    """What the server's offer calls things; 0 for what it does not have. Raises DescriptionError
    when it has no video."""
    video = _first(r"rtpmap:(\d+) VP8/90000", offer)[1]
    others = (
        rf"fmtp:(\d+) apt={video}\b",
        r"rtpmap:(\d+) opus/48000",
        rf"extmap:(\d+)\S* {re.escape(_TRANSPORT_CC)}",
    )
    found = (re.search(f"^a={each}", offer, re.MULTILINE | re.IGNORECASE) for each in others)
    again, audio, transport_cc = (0 if match is None else int(match[1]) for match in found)
    return int(video), again, audio, transport_cc


_NOT_ANSWERED = re.compile(
    r"a=(ssrc|ssrc-group|msid|msid-semantic|candidate|end-of-candidates|ice-lite|fingerprint)\b"
)


def receive_answer(offer: str, ours: Credentials, fingerprint: str) -> str:
    """Answers the server's offer: every section and every format is taken, as the DTLS client."""
    replaced = {
        "a=sendonly": ["a=recvonly"],
        "a=sendrecv": ["a=recvonly"],
        "a=setup:actpass": ["a=setup:active", f"a=fingerprint:{fingerprint}"],
    }
    answer: list[str] = []
    for line in offer.splitlines():
        if line.startswith("a=ice-ufrag:"):
            answer.append(f"a=ice-ufrag:{ours.ufrag}")
        elif line.startswith("a=ice-pwd:"):
            answer.append(f"a=ice-pwd:{ours.pwd}")
        elif not _NOT_ANSWERED.match(line):
            answer += replaced.get(line, [line])
    return "".join(f"{line}\r\n" for line in answer)
