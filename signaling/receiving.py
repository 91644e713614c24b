"""The receiving connection: our offer of fixed slots, and the client's answer to it."""

from collections.abc import Iterator, Sequence
from typing import Literal

from sfu import codecs
from sfu.signaling import attributes
from sfu.signaling.agreement import (
    EXTENSIONS,
    LocalTransport,
    Negotiated,
    NegotiationError,
    RemoteTransport,
    Slot,
    candidates,
    session_id,
)
from sfu.signaling.sdp import Description, Media, SdpError, parse

_EXTENSION_IDS = {
    "audio-level": 1,
    "abs-send-time": 2,
    "transport-cc": 3,
    "mid": 4,
    "playout-delay": 5,
    "video-orientation": 13,
}
_AUDIO_EXTENSIONS = ("audio-level", "abs-send-time", "transport-cc", "mid")
_VIDEO_EXTENSIONS = ("abs-send-time", "transport-cc", "mid", "playout-delay", "video-orientation")
_URIS = {name: uri for uri, name in EXTENSIONS.items()}


def _head(kind: str, offered: Sequence[codecs.Codec]) -> str:
    numbers = []
    for codec in offered:
        numbers.append(codec.payload_type)
        if codec.rtx_payload_type is not None:
            numbers.append(codec.rtx_payload_type)
    return f"m={kind} 9 UDP/TLS/RTP/SAVPF {' '.join(map(str, numbers))}\r\nc=IN IP4 0.0.0.0\r\n"


def _body(offered: Sequence[codecs.Codec], extensions: Sequence[str]) -> str:
    """What is the same in every section of a kind."""
    lines = ["sendonly", "rtcp-mux", "rtcp-rsize"]
    lines.extend(f"extmap:{_EXTENSION_IDS[name]} {_URIS[name]}" for name in extensions)
    for codec in offered:
        number, rtx = codec.payload_type, codec.rtx_payload_type
        channels = f"/{codec.channels}" if codec.channels > 1 else ""
        lines.append(f"rtpmap:{number} {codec.encoding}/{codec.clock_rate}{channels}")
        lines.extend(f"rtcp-fb:{number} {text}" for text in codec.feedback)
        if codec.parameters:
            lines.append(f"fmtp:{number} {codec.parameters}")
        if rtx is not None:
            lines.append(f"rtpmap:{rtx} rtx/{codec.clock_rate}")
            lines.append(f"fmtp:{rtx} apt={number}")
    return "".join(f"a={line}\r\n" for line in lines)


# An offer goes to every attendee who joins, so what never changes is written once.
_AUDIO_HEAD, _AUDIO_BODY = _head("audio", codecs.AUDIO), _body(codecs.AUDIO, _AUDIO_EXTENSIONS)
_VIDEO_HEAD, _VIDEO_BODY = _head("video", codecs.VIDEO), _body(codecs.VIDEO, _VIDEO_EXTENSIONS)


def _sections(slots: Sequence[Slot], ice: str, cname: str) -> Iterator[str]:
    for slot in slots:
        name = slot.name
        yield (
            f"{_AUDIO_HEAD}a=mid:{slot.audio_mid}\r\n{ice}{_AUDIO_BODY}"
            f"a=msid:{name} {slot.audio_mid}\r\n"
            f"a=ssrc:{slot.audio_ssrc} cname:{cname}\r\n"
        )
        yield (
            f"{_VIDEO_HEAD}a=mid:{slot.video_mid}\r\n{ice}{_VIDEO_BODY}"
            f"a=msid:{name} {slot.video_mid}\r\n"
            f"a=ssrc-group:FID {slot.video_ssrc} {slot.video_rtx_ssrc}\r\n"
            f"a=ssrc:{slot.video_ssrc} cname:{cname}\r\n"
            f"a=ssrc:{slot.video_rtx_ssrc} cname:{cname}\r\n"
        )


def offer_receive(
    slots: Sequence[Slot], local: LocalTransport, cname: str, version: int = 0
) -> str:
    """Offers the slots, audio and video section each, in their order; fixed payload types and ids.

    The slots of an earlier offer on the same transport must come first and
    unchanged: a section never moves (RFC 3264 §8).
    """
    mids = " ".join(f"{slot.audio_mid} {slot.video_mid}" for slot in slots)
    ice = f"a=ice-ufrag:{local.ufrag}\r\na=ice-pwd:{local.pwd}\r\na=setup:actpass\r\n"
    sections = list(_sections(slots, ice, cname))
    if sections:
        # Those of the first are those of all (RFC 9143 §7.1.3), but some clients read the last.
        lines = "".join(f"a=candidate:{line}\r\n" for line in candidates(local))
        sections = [f"{section}{lines}a=end-of-candidates\r\n" for section in sections]
    return (
        f"v=0\r\no=- {session_id(local)} {version} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
        f"a=group:BUNDLE {mids}\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS *\r\n"
        f"a=ice-lite\r\na=fingerprint:{local.fingerprint}\r\n{''.join(sections)}"
    )


def accept_answer(sdp: str, slots: Sequence[Slot], cname: str = "sfu") -> Negotiated:
    """Reads a client's answer to `offer_receive(slots, …, cname)`; `mids` are those it receives.

    Raises NegotiationError, nothing else, whatever the answer holds.
    """
    try:
        return _accept(parse(sdp), slots, cname)
    except SdpError as error:
        raise NegotiationError("bad_sdp", str(error)) from error


def _accept(answer: Description, slots: Sequence[Slot], cname: str) -> Negotiated:
    expected = [
        pair for slot in slots for pair in (("audio", slot.audio_mid), ("video", slot.video_mid))
    ]
    if len(answer.media) != len(expected):
        raise NegotiationError(
            "answer_mismatch",
            f"the offer has {len(expected)} media sections, the answer {len(answer.media)}",
        )
    bundled = {mid for group in attributes.bundles(answer) for mid in group}
    extensions: dict[str, int] = {}
    payload_types: dict[int, tuple[int, str, int]] = {}
    mids: list[str] = []
    remote: RemoteTransport | None = None
    for media, (kind, mid) in zip(answer.media, expected, strict=True):
        if media.kind != kind or (media.port and attributes.mid(media) != mid):
            raise NegotiationError("answer_mismatch", f"line {media.line}: not the answer to {mid}")
        if media.port == 0:
            continue
        if mid not in bundled and len(expected) > 1:
            raise NegotiationError("bundle_required", f"{mid} is not in the BUNDLE group")
        if not media.has("rtcp-mux"):
            raise NegotiationError("rtcp_mux_required", f"{mid} has no a=rtcp-mux")
        if remote is None:
            remote = _transport(answer, media)
        if attributes.direction(answer, media) not in ("recvonly", "sendrecv"):
            continue
        formats = _payload_types(media)
        if formats:
            mids.append(mid)
        payload_types.update((entry[0], entry) for entry in formats)
        extensions.update(_extensions(media))
    if remote is None:
        raise NegotiationError("answer_mismatch", "every media section was rejected")
    return Negotiated(remote, extensions, list(payload_types.values()), cname, frozenset(mids))


def _transport(answer: Description, media: Media) -> RemoteTransport:
    credentials = attributes.ice_credentials(answer, media)
    if credentials is None:
        raise NegotiationError("ice_required", "no a=ice-ufrag and a=ice-pwd")
    fingerprints = attributes.fingerprints(answer, media)
    if not fingerprints:
        raise NegotiationError("dtls_required", "no a=fingerprint with SHA-256, SHA-384 or SHA-512")
    # RFC 5763 §5: the answer decides; "active" is the default (RFC 4145 §4.1).
    setup: Literal["active", "passive"]
    match attributes.setup(answer, media):
        case "active" | None:
            setup = "active"
        case "passive":
            setup = "passive"
        case other:
            raise NegotiationError("bad_sdp", f"a=setup:{other} in an answer")
    return RemoteTransport(*credentials, fingerprints, setup)


def _payload_types(media: Media) -> list[tuple[int, str, int]]:
    """Our payload types that the answer kept; RED only with the Opus inside it."""
    maps = attributes.rtpmaps(media)
    kept = {attributes.payload_type(text) for text in media.formats}
    result = []
    for codec in codecs.AUDIO if media.kind == "audio" else codecs.VIDEO:
        number, rtx = codec.payload_type, codec.rtx_payload_type
        if number not in kept or _encoding(maps, number) != codec.encoding.lower():
            continue
        has_rtx = rtx in kept and _encoding(maps, rtx) == "rtx"
        result.append((number, codec.name, rtx if rtx is not None and has_rtx else -1))
    if media.kind == "audio" and all(name != codecs.OPUS.name for _, name, _ in result):
        return []
    return result


def _encoding(maps: dict[int, attributes.RtpMap], number: int | None) -> str | None:
    return maps[number].encoding if number is not None and number in maps else None


def _extensions(media: Media) -> dict[str, int]:
    """The header extensions that the answer takes from us, with the ids of our offer."""
    result = {}
    for item in attributes.extmaps(media):
        name = EXTENSIONS.get(item.uri)
        if name is None or _EXTENSION_IDS.get(name) != item.id:
            continue
        if item.direction in ("", "sendrecv", "recvonly"):
            result[name] = item.id
    return result
