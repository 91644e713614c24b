"""The answer to a player's offer: a few m-lines that show the stage (WHEP, RFC 9429 §5.3)."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from sfu.focus import MOST, Line
from sfu.signaling import attributes, formats
from sfu.signaling.agreement import (
    EXTENSIONS,
    LocalTransport,
    Negotiated,
    NegotiationError,
    candidates,
    session_id,
)
from sfu.signaling.publishing import PROTOCOLS, offered_transport
from sfu.signaling.sdp import Attribute, Description, Media, SdpError, parse, write

_AUDIO_EXTENSIONS = {"audio-level", "abs-send-time", "transport-cc", "mid"}
_VIDEO_EXTENSIONS = {"abs-send-time", "transport-cc", "mid", "playout-delay", "video-orientation"}
_MOST_ID = 14
"""Of a header extension that we send: one byte (RFC 8285 §4.2)."""

_STREAM = "stage"
_numbers = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class PlayAnswer:
    """The answer to send, and what it agreed to."""

    sdp: str
    negotiated: Negotiated
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class _Section:
    media: Media
    line: Line
    chosen: tuple[formats.Format, ...]
    extensions: tuple[attributes.ExtMap, ...]


def answer_play(offer: str, local: LocalTransport, *, cname: str = "sfu") -> PlayAnswer:
    """Answers a player's offer, all m-lines of it or none.

    Raises NegotiationError, nothing else, whatever the offer holds; `not_acceptable` for what a
    player may not ask for, or not from this server.
    """
    try:
        description = parse(offer)
        if not description.media:
            raise NegotiationError("not_acceptable", "the offer has no m-line")
        numbers = iter(_numbers.sample(range(1, 0xFFFF_FFFF), 2 * len(description.media)))
        bundled = {mid for group in attributes.bundles(description) for mid in group}
        sections = []
        for media in description.media:
            _check(description, media, bundled)
            sections.append(_section(media, next(numbers), next(numbers)))
        remote = offered_transport(description, description.media[0], None)
        payload_types = _payload_types(sections)
    except SdpError as error:
        raise NegotiationError("bad_sdp", str(error)) from error
    for video in (False, True):
        if sum(section.line.video is video for section in sections) > MOST:
            raise NegotiationError("not_acceptable", f"{MOST} m-lines of a kind at most")
    lines = tuple(section.line for section in sections)
    extensions = {EXTENSIONS[item.uri]: item.id for each in sections for item in each.extensions}
    negotiated = Negotiated(
        remote, extensions, payload_types, cname, frozenset(line.mid for line in lines)
    )
    setup = "active" if remote.we_are_client else "passive"
    session = [Attribute("ice-lite"), Attribute("group", "BUNDLE " + " ".join(_mids(lines)))]
    if description.has("extmap-allow-mixed"):
        session.append(Attribute("extmap-allow-mixed"))
    answer = Description(
        username="-",
        session_id=session_id(local),
        version=0,
        address="IN IP4 127.0.0.1",
        media=tuple(_answered(section, local, setup, cname) for section in sections),
        attributes=tuple(session),
    )
    return PlayAnswer(write(answer), negotiated, lines)


def _mids(lines: Sequence[Line]) -> list[str]:
    return [line.mid for line in lines]


def _check(description: Description, media: Media, bundled: set[str]) -> None:
    mid = attributes.mid(media)
    if media.kind not in ("audio", "video"):
        raise NegotiationError("not_acceptable", f"line {media.line}: neither audio nor video")
    if attributes.direction(description, media) not in ("recvonly", "sendrecv"):
        raise NegotiationError("not_acceptable", f"line {media.line}: does not receive")
    if media.protocol not in PROTOCOLS:
        raise NegotiationError("dtls_required", f"{media.protocol} is not DTLS-SRTP")
    if mid is None or (mid not in bundled and len(description.media) > 1):
        raise NegotiationError("bundle_required", f"line {media.line}: not in the BUNDLE group")
    if not media.has("rtcp-mux"):
        raise NegotiationError("rtcp_mux_required", f"{mid} has no a=rtcp-mux")


def _section(media: Media, ssrc: int, rtx_ssrc: int) -> _Section:
    video, mid = media.kind == "video", attributes.mid(media)
    assert mid is not None
    if len(mid) > 16:
        raise NegotiationError("not_acceptable", "an a=mid has 16 characters at most")
    offered = formats.offered(media)
    chosen = _best(offered) if video else formats.choose_audio(offered)
    if not chosen:
        raise NegotiationError("not_acceptable", f"m-line {mid!r}: no codec in common")
    wanted = _VIDEO_EXTENSIONS if video else _AUDIO_EXTENSIONS
    by_name: dict[str, attributes.ExtMap] = {}
    for item in attributes.extmaps(media):
        name = EXTENSIONS.get(item.uri)
        takes = item.direction in ("", "sendrecv", "recvonly")
        if name in wanted and item.id <= _MOST_ID and takes:
            by_name.setdefault(name, item)
    has_rtx = any(each.rtx is not None for each in chosen)
    line = Line(video, mid, ssrc, rtx_ssrc if video and has_rtx else 0)
    return _Section(media, line, chosen, tuple(by_name.values()))


def _best(offered: Sequence[formats.Format]) -> tuple[formats.Format, ...]:
    """The best format of every codec, in the offer's order: what is published may be any."""
    best: dict[str, formats.Format] = {}
    for each in offered:
        name = each.codec.name
        if name not in best or each.rank < best[name].rank:
            best[name] = each
    return tuple(best.values())


def _payload_types(sections: Sequence[_Section]) -> list[tuple[int, str, int]]:
    """One table for the whole transport (RFC 9143 §9.1)."""
    known: dict[int, tuple[int, str, int]] = {}
    for section in sections:
        for item in section.chosen:
            number = item.payload_type
            entry = number, item.codec.name, -1 if item.rtx is None else item.rtx
            if known.setdefault(number, entry) != entry:
                raise NegotiationError("bad_sdp", f"payload type {number} has two meanings")
    return list(known.values())


def _answered(section: _Section, local: LocalTransport, setup: str, cname: str) -> Media:
    media, line = section.media, section.line
    lines: list[tuple[str, str | None]] = [
        ("mid", line.mid),
        ("sendonly", None),
        ("ice-ufrag", local.ufrag),
        ("ice-pwd", local.pwd),
        ("fingerprint", local.fingerprint),
        ("setup", setup),
        ("rtcp-mux", None),
        ("msid", f"{_STREAM} {line.mid}"),
    ]
    if media.has("rtcp-rsize"):
        lines.append(("rtcp-rsize", None))
    for item in section.extensions:
        # The offer's "recvonly" is our "sendonly" (RFC 8285 §5).
        direction = {"recvonly": "/sendonly", "sendrecv": "/sendonly"}.get(item.direction, "")
        lines.append(("extmap", f"{item.id}{direction} {item.uri}"))
    lines.extend(formats.described(section.chosen))
    if line.rtx_ssrc:
        lines.append(("ssrc-group", f"FID {line.ssrc} {line.rtx_ssrc}"))
    ssrcs = (ssrc for ssrc in (line.ssrc, line.rtx_ssrc) if ssrc)
    lines.extend(("ssrc", f"{ssrc} cname:{cname}") for ssrc in ssrcs)
    lines.extend(("candidate", text) for text in candidates(local))
    lines.append(("end-of-candidates", None))
    return Media(
        kind=media.kind,
        port=9,
        protocol=media.protocol,
        formats=formats.payload_types(section.chosen),
        connection="IN IP4 0.0.0.0",
        attributes=tuple(Attribute(name, value) for name, value in lines),
    )
