"""What the attributes of a media section mean, as values (RFC 8866, 4585, 8285, 8851, 8853 …).

Each function reads one section and gives everything of one kind. Attributes
that other people invent, or that make no sense, are passed over; an attribute
we depend on and cannot read raises SdpError with its line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sfu.signaling.sdp import Attribute, Description, Media, SdpError


@dataclass(frozen=True, slots=True)
class RtpMap:
    """a=rtpmap:payload_type encoding/clock_rate[/channels] (RFC 8866 §6.6)."""

    payload_type: int
    encoding: str
    """In lower case."""
    clock_rate: int
    channels: int
    spelling: str
    """What follows the payload type, as the peer wrote it."""


@dataclass(frozen=True, slots=True)
class ExtMap:
    """a=extmap:id[/direction] uri (RFC 8285 §5)."""

    id: int
    direction: str
    """sendrecv, sendonly, recvonly, inactive; "" when not said."""
    uri: str


@dataclass(frozen=True, slots=True)
class Rid:
    """a=rid:name direction [pt=…;restriction=value…] (RFC 8851 §10)."""

    name: str
    direction: str
    formats: tuple[str, ...]
    restrictions: dict[str, str]


@dataclass(frozen=True, slots=True)
class SsrcGroup:
    """a=ssrc-group:semantics ssrc… (RFC 5576 §4.2)."""

    semantics: str
    ssrcs: tuple[int, ...]


DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")

_RTPMAP = re.compile(r"([0-9]{1,3}) +([^\s/]+)/([0-9]{1,9})(?:/([0-9]{1,3}))?", re.ASCII)
_FMTP = re.compile(r"([0-9]{1,3}) +(\S.*)", re.ASCII)
_FEEDBACK = re.compile(r"([0-9]{1,3}|\*) +(\S.*)", re.ASCII)
_EXTMAP = re.compile(
    r"([0-9]{1,5})(?:/(sendrecv|sendonly|recvonly|inactive))? +(\S+)(?: +.*)?", re.ASCII
)
# Names longer than 16 do not fit a one-byte header extension; the characters are RFC 8851's,
# with the '-' and '_' that an RTP stream id may not hold but browsers take.
_RID = re.compile(r"([0-9A-Za-z_-]{1,16}) +(send|recv)(?: +(\S.*))?", re.ASCII)
_SSRC = re.compile(r"([0-9]{1,10}) +([^\s:]+)(?::(.*))?", re.ASCII)
_SSRC_GROUP = re.compile(r"(\S+) +([0-9 ]+)", re.ASCII)
_FINGERPRINT = re.compile(r"(\S+) +((?:[0-9A-Fa-f]{2}:){15,63}[0-9A-Fa-f]{2})", re.ASCII)
_FINGERPRINT_BYTES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
# RFC 8839 §5.4 has no '=', '_' and '-', but base64 of some stacks does.
_UFRAG = re.compile(r"[0-9A-Za-z+/=_-]{4,256}", re.ASCII)
_PWD = re.compile(r"[0-9A-Za-z+/=_-]{22,256}", re.ASCII)
_MID = re.compile(r"[!#-'*+\-.0-9A-Z^-~]{1,64}", re.ASCII)


def _unreadable(attribute: Attribute) -> SdpError:
    return SdpError(attribute.line, f"a={attribute.name} cannot be read")


def payload_type(text: str) -> int | None:
    """A format that is a payload type, 0 to 127."""
    if text.isascii() and text.isdigit() and len(text) <= 3 and int(text) < 128:
        return int(text)
    return None


def direction(description: Description, media: Media) -> str:
    """The section's direction, else the session's; sendrecv when not said (RFC 8866 §6.7)."""
    levels = (*media.attributes, *description.attributes)
    return next((a.name for a in levels if a.name in DIRECTIONS), "sendrecv")


def mid(media: Media) -> str | None:
    """The section's identification (RFC 5888 §4)."""
    attribute = media.first("mid")
    if attribute is None:
        return None
    if attribute.value is None or _MID.fullmatch(attribute.value) is None:
        raise _unreadable(attribute)
    return attribute.value


def rtpmaps(media: Media) -> dict[int, RtpMap]:
    """By payload type; the first of two counts."""
    maps: dict[int, RtpMap] = {}
    for attribute in media.all("rtpmap"):
        found = _RTPMAP.fullmatch(attribute.value or "")
        if found is None:
            raise _unreadable(attribute)
        number = int(found[1])
        if number < 128 and number not in maps:
            spelling = (attribute.value or "").partition(" ")[2].lstrip(" ")
            maps[number] = RtpMap(
                number, found[2].lower(), int(found[3]), int(found[4] or 1), spelling
            )
    return maps


def parameters(media: Media) -> dict[int, dict[str, str]]:
    """a=fmtp by payload type: name=value pairs, names in lower case, a bare value under ""."""
    result: dict[int, dict[str, str]] = {}
    for attribute in media.all("fmtp"):
        found = _FMTP.fullmatch(attribute.value or "")
        if found is None or int(found[1]) > 127:
            continue
        pairs = result.setdefault(int(found[1]), {})
        for item in found[2].split(";"):
            name, equals, value = item.strip(" \t").partition("=")
            if equals:
                pairs.setdefault(name.strip(" \t").lower(), value.strip(" \t"))
            elif name:
                pairs.setdefault("", name)
    return result


def feedback(media: Media) -> dict[int | None, list[str]]:
    """a=rtcp-fb by payload type, None for the wildcard (RFC 4585 §4.2)."""
    result: dict[int | None, list[str]] = {}
    for attribute in media.all("rtcp-fb"):
        found = _FEEDBACK.fullmatch(attribute.value or "")
        if found is not None:
            number = None if found[1] == "*" else int(found[1])
            result.setdefault(number, []).append(found[2])
    return result


def extmaps(media: Media) -> list[ExtMap]:
    """The header extensions offered, in order; ids beyond 255 fit no header and are left out."""
    result = []
    for attribute in media.all("extmap"):
        found = _EXTMAP.fullmatch(attribute.value or "")
        if found is None:
            raise _unreadable(attribute)
        if 1 <= int(found[1]) <= 255:
            result.append(ExtMap(int(found[1]), found[2] or "", found[3]))
    return result


def rids(media: Media) -> dict[str, Rid]:
    """a=rid by name; those we cannot read are as if not there (RFC 8851 §6.3)."""
    result: dict[str, Rid] = {}
    for attribute in media.all("rid"):
        found = _RID.fullmatch(attribute.value or "")
        if found is None or found[1] in result:
            continue
        formats: tuple[str, ...] = ()
        restrictions: dict[str, str] = {}
        for item in (found[3] or "").split(";"):
            name, _, value = item.strip(" \t").partition("=")
            if name == "pt":
                formats = tuple(value.split(","))
            elif name:
                restrictions[name] = value
        result[found[1]] = Rid(found[1], found[2], formats, restrictions)
    return result


def simulcast(media: Media) -> list[list[str]]:
    """The streams of the send direction of a=simulcast, each with its alternatives (RFC 8853 §5.1).

    A '~' (begins paused) is dropped: nothing changes for who receives it.
    """
    words = (media.value("simulcast") or "").split()
    for keyword, streams in zip(words[0::2], words[1::2], strict=False):
        if keyword == "send":
            return [
                [alternative.removeprefix("~") for alternative in stream.split(",")]
                for stream in streams.split(";")
            ]
    return []


def ssrcs(media: Media) -> dict[int, dict[str, str]]:
    """a=ssrc: the attributes of each source, in the order of first mention (RFC 5576 §4.1)."""
    result: dict[int, dict[str, str]] = {}
    for attribute in media.all("ssrc"):
        found = _SSRC.fullmatch(attribute.value or "")
        if found is not None and 0 < int(found[1]) <= 0xFFFFFFFF:
            result.setdefault(int(found[1]), {}).setdefault(found[2], found[3] or "")
    return result


def ssrc_groups(media: Media) -> Iterator[SsrcGroup]:
    """a=ssrc-group, in order; groups with a number that is no SSRC are passed over."""
    for attribute in media.all("ssrc-group"):
        found = _SSRC_GROUP.fullmatch(attribute.value or "")
        if found is None:
            continue
        words = found[2].split()
        numbers = tuple(int(word) for word in words if len(word) <= 10)
        if len(numbers) == len(words) and all(0 < n <= 0xFFFFFFFF for n in numbers):
            yield SsrcGroup(found[1], numbers)


def bundles(description: Description) -> list[tuple[str, ...]]:
    """The mids of each a=group:BUNDLE (RFC 9143 §7)."""
    words = ((attribute.value or "").split() for attribute in description.all("group"))
    return [tuple(group[1:]) for group in words if group[:1] == ["BUNDLE"]]


def ice_credentials(description: Description, media: Media) -> tuple[str, str] | None:
    """(ufrag, pwd) of the section, else of the session (RFC 8839 §5.4); None without them."""
    for level in (media, description):
        ufrag, pwd = level.first("ice-ufrag"), level.first("ice-pwd")
        if ufrag is None or pwd is None:
            continue
        for attribute, pattern in ((ufrag, _UFRAG), (pwd, _PWD)):
            if pattern.fullmatch(attribute.value or "") is None:
                raise _unreadable(attribute)
        return ufrag.value or "", pwd.value or ""
    return None


def fingerprints(description: Description, media: Media) -> tuple[str, ...]:
    """Fingerprints with a hash we accept, of the section, else of the session (RFC 8122 §5)."""
    for level in (media, description):
        result = []
        for attribute in level.all("fingerprint"):
            found = _FINGERPRINT.fullmatch(attribute.value or "")
            if found is None:
                raise _unreadable(attribute)
            algorithm, digits = found[1].lower(), found[2].upper()
            if _FINGERPRINT_BYTES.get(algorithm) == (len(digits) + 1) // 3:
                result.append(f"{algorithm} {digits}")
        if result:
            return tuple(result[:8])
    return ()


def setup(description: Description, media: Media) -> str | None:
    """a=setup of the section, else of the session (RFC 4145 §4)."""
    return media.value("setup") or description.value("setup")
