"""The answer to a publisher's offer: a receiving mirror (RFC 9429 §5.3, RFC 8853, RFC 9143)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from sfu.signaling import attributes, formats
from sfu.signaling.agreement import (
    EXTENSIONS,
    LocalTransport,
    Negotiated,
    NegotiationError,
    PublishAnswer,
    PublishedTrack,
    RemoteTransport,
    candidates,
    session_id,
)
from sfu.signaling.sdp import Attribute, Bandwidth, Description, Media, SdpError, parse, write
from sfu.signaling.streams import Streams, read_streams
from sfu.track import Source

PROTOCOLS = {
    "UDP/TLS/RTP/SAVPF",
    "UDP/TLS/RTP/SAVP",
    "TCP/DTLS/RTP/SAVPF",  # RFC 9429 §5.1.2: these four mean the same to us
    "RTP/SAVPF",
}
_AUDIO_EXTENSIONS = {"audio-level", "abs-send-time", "transport-cc", "mid"}
_VIDEO_EXTENSIONS = {
    "abs-send-time",
    "transport-cc",
    "mid",
    "rid",
    "repaired-rid",
    "video-orientation",
}
_ALLOW_MIXED = "extmap-allow-mixed"
_LAYERED = {"vp9", "av1"}
"""Codecs whose layers only the dependency descriptor shows."""


@dataclass(slots=True)
class _Section:
    """An offered media section on its way to its answer."""

    media: Media
    direction: str
    mid: str | None
    source: Source | None
    refusal: tuple[str, str] | None = None
    """(code, reason) why it cannot be accepted."""
    chosen: tuple[formats.Format, ...] = ()
    extensions: list[attributes.ExtMap] = field(default_factory=list)
    streams: Streams = field(default_factory=Streams)


def answer_publish(
    offer: str,
    sources: Mapping[str, Source],
    local: LocalTransport,
    *,
    codecs: Sequence[str] = (),
    budgets: Mapping[Source, int] | None = None,
    version: int = 0,
    cname: str = "sfu",
    established: RemoteTransport | None = None,
) -> PublishAnswer:
    """Answers a publisher's offer: a receiving mirror of the m-lines named in `sources`.

    sources -- what each m-line carries, by mid; other m-lines become inactive.
    codecs -- names of video codecs allowed, most preferred first; empty: all of
        ours, and the first one of the offer wins.
    budgets -- bit/s per source, said to the publisher as b=TIAS (RFC 3890). A picture's
        line says the sum of all: Chromium takes it for a limit of the whole connection.
    version -- the origin's version; the caller counts up with each republish.
    established -- `negotiated.remote` of the first answer when this offer is a
        republish on the same transport: the DTLS role stays, and another
        fingerprint is refused (transport_changed). Other ICE credentials in a
        description of the same session restart ICE: `negotiated.remote` has them.

    Raises NegotiationError, nothing else, whatever the offer holds.
    """
    try:
        description = parse(offer)
        sections = _read_sections(description, sources)
        _choose(sections, codecs)
        tagged = _tagged(description, sections)
        remote = offered_transport(description, tagged.media, established)
        negotiated = _agree(sections, remote, cname)
    except SdpError as error:
        raise NegotiationError("bad_sdp", str(error)) from error
    tracks = tuple(
        PublishedTrack(item.mid, item.source, item.chosen[0].codec.name, item.streams.layers)
        for item in sections
        if item.mid is not None and item.source is not None
    )
    limits = _limits(tracks, budgets or {})
    media = tuple(
        _rejected(item) if item.refusal else _accepted(item, remote, local, limits)
        for item in sections
    )
    bundled = " ".join(item.mid for item in sections if item.mid and not item.refusal)
    session = [Attribute("ice-lite")]
    if attributes.bundles(description):
        # RFC 9143 §7.3: a group is answered, never invented.
        session.append(Attribute("group", f"BUNDLE {bundled}"))
    if description.has(_ALLOW_MIXED):
        # Without it Chromium sends no dependency descriptor: it needs a two-byte header.
        session.append(Attribute(_ALLOW_MIXED))
    answer = Description(
        username="-",
        session_id=session_id(local),
        version=version,
        address="IN IP4 127.0.0.1",
        media=media,
        attributes=tuple(session),
    )
    return PublishAnswer(write(answer), negotiated, tracks)


def _read_sections(description: Description, sources: Mapping[str, Source]) -> list[_Section]:
    """Every section with what stands against it; raises if that concerns a named source."""
    groups = attributes.bundles(description)
    sections: list[_Section] = []
    mids: set[str] = set()
    for media in description.media:
        mid = attributes.mid(media)
        if mid is not None:
            if mid in mids:
                raise NegotiationError("bad_sdp", f"line {media.line}: mid {mid} occurs twice")
            mids.add(mid)
        source = sources.get(mid) if mid is not None else None
        sections.append(_Section(media, attributes.direction(description, media), mid, source))
    if unknown := set(sources) - mids:
        raise NegotiationError("unknown_mid", f"the offer has no m-line {min(unknown)!r}")
    group = set(groups[0] if groups else [s.mid for s in sections if s.mid][:1])
    for section in sections:
        section.refusal = _refusal(section, group)
        if section.source is not None and section.refusal is not None:
            code, reason = section.refusal
            raise NegotiationError(code, f"m-line {section.mid!r}: {reason}")
    named = [section.source for section in sections if section.source is not None]
    if len(set(named)) < len(named):
        raise NegotiationError("duplicate_source", "a source is named for two m-lines")
    return sections


def _refusal(section: _Section, group: set[str]) -> tuple[str, str] | None:
    media, source = section.media, section.source
    if media.kind not in ("audio", "video"):
        return "wrong_source_kind", "carries neither audio nor video"
    if source is not None and (media.kind == "video") != Source(source).is_video:
        return "wrong_source_kind", f"{media.kind} cannot be a {Source(source)}"
    if media.port == 0 and not media.has("bundle-only"):
        return "not_sending", "its port is 0"
    if source is not None and section.direction not in ("sendonly", "sendrecv"):
        return "not_sending", f"is {section.direction}"
    if media.protocol not in PROTOCOLS:
        return "dtls_required", f"{media.protocol} is not DTLS-SRTP"
    if section.mid is None or section.mid not in group:
        return "bundle_required", "is not in the first BUNDLE group"
    if not media.has("rtcp-mux"):
        return "rtcp_mux_required", "has no a=rtcp-mux"
    return None


def _choose(sections: Sequence[_Section], preferred: Sequence[str]) -> None:
    """Formats, extensions and streams of every section that stands."""
    for section in sections:
        if section.refusal:
            continue
        offered = formats.offered(section.media)
        if section.media.kind == "audio":
            section.chosen = formats.choose_audio(offered)
        else:
            video = formats.choose_video(offered, preferred)
            section.chosen = (video,) if video else ()
        if not section.chosen:
            section.refusal = "no_common_codec", "no codec in common"
            if section.source is not None:
                raise NegotiationError(
                    "no_common_codec", f"m-line {section.mid!r}: no common codec"
                )
            continue
        section.extensions = _wanted_extensions(section)
        names = {EXTENSIONS[item.uri] for item in section.extensions}
        section.streams = read_streams(section.media, section.chosen[0], by_rid="rid" in names)


def _wanted_extensions(section: _Section) -> list[attributes.ExtMap]:
    """The offered header extensions that we read, ids as offered (RFC 8285 §5)."""
    wanted = _AUDIO_EXTENSIONS if section.media.kind == "audio" else _VIDEO_EXTENSIONS
    if section.chosen[0].codec.name in _LAYERED:
        wanted = wanted | {"dependency-descriptor"}
    by_name: dict[str, attributes.ExtMap] = {}
    for item in attributes.extmaps(section.media):
        name = EXTENSIONS.get(item.uri)
        # Id 15 is a mark in one-byte headers (RFC 8285 §4.2); what is only received is not for us.
        if name in wanted and item.id != 15 and item.direction in ("", "sendrecv", "sendonly"):
            by_name.setdefault(name, item)
    return list(by_name.values())


def _tagged(description: Description, sections: Sequence[_Section]) -> _Section:
    """The section whose transport all others share: the group's first that we accept."""
    groups = attributes.bundles(description)
    by_mid = {item.mid: item for item in sections if item.mid and not item.refusal}
    order = groups[0] if groups else tuple(by_mid)
    for mid in order:
        section = by_mid.get(mid)
        # A bundle-only section says nothing of its own transport (RFC 9143 §7.1.3).
        if section and attributes.ice_credentials(description, section.media):
            return section
    if by_mid:
        raise NegotiationError("ice_required", "no a=ice-ufrag and a=ice-pwd")
    raise NegotiationError("not_sending", "the offer has no m-line that can be accepted")


def offered_transport(
    description: Description, media: Media, established: RemoteTransport | None
) -> RemoteTransport:
    """The offerer's end, as a section says. Raises NegotiationError if it is another one than
    before."""
    credentials = attributes.ice_credentials(description, media)
    if credentials is None:
        raise NegotiationError("ice_required", "no a=ice-ufrag and a=ice-pwd")
    fingerprints = attributes.fingerprints(description, media)
    if not fingerprints:
        raise NegotiationError("dtls_required", "no a=fingerprint with SHA-256, SHA-384 or SHA-512")
    setup: Literal["active", "passive", "actpass"]
    match attributes.setup(description, media):
        case "actpass" | None:
            setup = "actpass"
        case "active":
            setup = "active"
        case "passive":
            setup = "passive"
        case other:
            raise NegotiationError("bad_sdp", f"a=setup:{other} in an offer")
    said = RemoteTransport(*credentials, fingerprints, setup, description.session_id)
    if established is None:
        return said
    if said.is_same(established):
        return established
    if said.restarts(established):
        return replace(established, ufrag=said.ufrag, pwd=said.pwd)
    raise NegotiationError("transport_changed", "another fingerprint, or other ICE credentials")


def _agree(sections: Sequence[_Section], remote: RemoteTransport, cname: str) -> Negotiated:
    """One table for the whole transport, as BUNDLE asks (RFC 9143 §7.4, §9.1, §10)."""
    extensions: dict[str, int] = {}
    uris: dict[int, str] = {}
    payload_types: dict[int, tuple[int, str, int]] = {}
    retransmissions: dict[int, int] = {}
    ssrcs: set[int] = set()
    for section in sections:
        if section.refusal:
            continue
        for item in list(section.extensions):
            if uris.setdefault(item.id, item.uri) != item.uri:
                raise NegotiationError("bad_sdp", f"extension id {item.id} has two meanings")
            if extensions.setdefault(EXTENSIONS[item.uri], item.id) != item.id:
                section.extensions.remove(item)
        for chosen in section.chosen:
            number, rtx = chosen.payload_type, chosen.rtx
            entry = number, chosen.codec.name, -1 if rtx is None else rtx
            if payload_types.setdefault(number, entry) != entry:
                raise NegotiationError("bad_sdp", f"payload type {number} has two meanings")
            if rtx is not None and retransmissions.setdefault(rtx, number) != number:
                raise NegotiationError("bad_sdp", f"payload type {rtx} has two meanings")
        if section.source is None:
            continue
        for layer in section.streams.layers:
            for ssrc in (layer.ssrc, layer.rtx_ssrc):
                if ssrc in ssrcs:
                    raise NegotiationError("bad_sdp", f"SSRC {ssrc} occurs twice")
                if ssrc:
                    ssrcs.add(ssrc)
    if both := payload_types.keys() & retransmissions.keys():
        raise NegotiationError("bad_sdp", f"payload type {min(both)} has two meanings")
    mids = frozenset(s.mid for s in sections if s.mid is not None and s.source is not None)
    return Negotiated(remote, extensions, list(payload_types.values()), cname, mids)


def _limits(tracks: Sequence[PublishedTrack], budgets: Mapping[Source, int]) -> dict[Source, int]:
    """What is stated line by line."""
    total = sum(budgets.get(track.source, 0) for track in tracks)
    return {
        track.source: total if track.source.is_video else budgets.get(track.source, 0)
        for track in tracks
    }


def _rejected(section: _Section) -> Media:
    """Port 0, and nothing but what names the section (RFC 9429 §5.3.1)."""
    media = section.media
    own = [Attribute("mid", section.mid)] if section.mid is not None else []
    return Media(
        kind=media.kind,
        port=0,
        protocol=media.protocol,
        formats=media.formats,
        connection="IN IP4 0.0.0.0",
        attributes=(*own, Attribute("inactive")),
    )


def _accepted(
    section: _Section,
    remote: RemoteTransport,
    local: LocalTransport,
    limits: Mapping[Source, int],
) -> Media:
    media = section.media
    lines: list[tuple[str, str | None]] = [
        ("mid", section.mid),
        ("recvonly" if section.source is not None else "inactive", None),
        ("ice-ufrag", local.ufrag),
        ("ice-pwd", local.pwd),
        ("fingerprint", local.fingerprint),
        ("setup", "active" if remote.we_are_client else "passive"),
        ("rtcp-mux", None),
    ]
    if media.has("rtcp-rsize"):
        lines.append(("rtcp-rsize", None))
    if media.has(_ALLOW_MIXED):  # where it is offered, there it is answered (RFC 8285 §6)
        lines.append((_ALLOW_MIXED, None))
    for item in section.extensions:
        # The offer's "sendonly" is our "recvonly" (RFC 8285 §5).
        direction = {"sendonly": "/recvonly", "sendrecv": "/recvonly"}.get(item.direction, "")
        lines.append(("extmap", f"{item.id}{direction} {item.uri}"))
    lines.extend(formats.described(section.chosen))
    lines.extend(section.streams.answer)
    # Those of the first section are those of all (RFC 9143 §7.1.3); some clients read the last.
    lines.extend(("candidate", line) for line in candidates(local))
    lines.append(("end-of-candidates", None))
    limit = limits.get(section.source, 0) if section.source is not None else 0
    return Media(
        kind=media.kind,
        port=9,  # the default destination is in the candidates (RFC 9429 §5.2.1)
        protocol=media.protocol,
        formats=formats.payload_types(section.chosen),
        connection="IN IP4 0.0.0.0",
        bandwidths=(Bandwidth("TIAS", limit),) if limit > 0 else (),
        attributes=tuple(Attribute(name, value) for name, value in lines),
    )
