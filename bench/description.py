"""Session descriptions of synthetic clients, by hand: one camera and one microphone out, or an
answer that takes everything."""

import re
import secrets
from dataclasses import dataclass, field

VIDEO_MID = "0"
AUDIO_MID = "1"
SOURCES = {VIDEO_MID: "camera", AUDIO_MID: "microphone"}


class DescriptionError(Exception):
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
    candidate = _first(r"candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", description)
    return Remote(
        Credentials(
            _first(r"ice-ufrag:(\S+)", description)[1], _first(r"ice-pwd:(\S+)", description)[1]
        ),
        (_first(r"fingerprint:(\S+ \S+)", description)[1],),
        candidate[1],
        int(candidate[2]),
    )


def _first(pattern: str, description: str) -> re.Match[str]:
    match = re.search(f"^a={pattern}", description, re.MULTILINE | re.IGNORECASE)
    if match is None:
        raise DescriptionError(f"the server's description has no a={pattern.partition(':')[0]}")
    return match


def publish_offer(ours: Credentials, fingerprint: str, video_ssrc: int, audio_ssrc: int) -> str:
    """Offers a VP8 camera (mid "0") and an Opus microphone (mid "1"), one layer each."""
    lines = [
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        f"a=group:BUNDLE {VIDEO_MID} {AUDIO_MID}",
        "a=extmap-allow-mixed",
        *_section("video 9 UDP/TLS/RTP/SAVPF 96 97", VIDEO_MID, ours, fingerprint),
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
        *_section("audio 9 UDP/TLS/RTP/SAVPF 111", AUDIO_MID, ours, fingerprint),
        "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        "a=rtpmap:111 opus/48000/2",
        "a=rtcp-fb:111 transport-cc",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        f"a=ssrc:{audio_ssrc} cname:presenter",
    ]
    return "".join(f"{line}\r\n" for line in lines)


def _section(head: str, mid: str, ours: Credentials, fingerprint: str) -> list[str]:
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
        "a=setup:actpass",
        "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
    ]


_NOT_ANSWERED = re.compile(
    r"a=(ssrc|ssrc-group|msid|msid-semantic|candidate|end-of-candidates|ice-lite|fingerprint)\b"
)


def receive_answer(offer: str, ours: Credentials, fingerprint: str) -> str:
    """Answers the server's offer: every section and every format is taken, as the DTLS client."""
    replaced = {
        "a=sendonly": ["a=recvonly"],
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
