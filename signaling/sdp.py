"""Session descriptions, parsed and written (RFC 8866): tolerant in, strict out.

A description is kept whole and in order, so that `parse(write(x)) == x`. What
the attributes mean is in attributes.py; here a line is a name and a text.
Tolerated on the way in: LF and CR line ends, blank lines, lines of unknown type,
a missing s= or t=, attributes out of order. Sizes are bounded before any work.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

from sfu.config import SLOTS

MAX_SIZE = 256 * 1024
"""Characters."""
MAX_MEDIA = 2 * SLOTS
MAX_ATTRIBUTES = 512
"""Per media section, and of the session."""
MAX_FORMATS = 128
"""Payload types are numbers below 128."""


class SdpError(ValueError):
    """No session description; `line` counts from 1 (0: the whole), `reason` is for people."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}" if line else reason)
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Attribute:
    """a=name or a=name:value. `line` is where it stood, for messages; it does not compare."""

    name: str
    value: str | None = None
    line: int = field(default=0, compare=False)


class _Attributes:
    """Lookups shared by the session and its media sections."""

    __slots__ = ()
    attributes: tuple[Attribute, ...]

    def all(self, name: str) -> Iterator[Attribute]:
        """The attributes of this name, in order."""
        return (attribute for attribute in self.attributes if attribute.name == name)

    def first(self, name: str) -> Attribute | None:
        """The first attribute of this name."""
        return next(self.all(name), None)

    def value(self, name: str) -> str | None:
        """The value of the first attribute of this name that has one."""
        return next((a.value for a in self.all(name) if a.value is not None), None)

    def has(self, name: str) -> bool:
        """Whether there is an attribute of this name, with or without a value."""
        return self.first(name) is not None


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """b=kind:value; of kind TIAS in bit/s (RFC 3890), of AS in kbit/s."""

    kind: str
    value: int


@dataclass(frozen=True, slots=True)
class Media(_Attributes):
    """One media section, an m= line and what follows."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    attributes: tuple[Attribute, ...] = ()
    connection: str | None = None
    """The text of c=, e.g. "IN IP4 0.0.0.0"."""
    bandwidths: tuple[Bandwidth, ...] = ()
    ports: int = 1
    """Number of consecutive ports, "m=video 49170/2"."""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Description(_Attributes):
    """A whole session description."""

    username: str
    session_id: int
    version: int
    address: str
    """Of the origin, e.g. "IN IP4 127.0.0.1"."""
    media: tuple[Media, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    name: str = "-"
    connection: str | None = None
    bandwidths: tuple[Bandwidth, ...] = ()
    times: tuple[str, ...] = ("0 0",)
    """The texts of the t= lines."""


_TOKEN = r"[!#-'*+\-.0-9A-Z^-~]+"  # RFC 8866 §9, token
_ATTRIBUTE = re.compile(rf"({_TOKEN})(?::(.*))?", re.DOTALL)
_ORIGIN = re.compile(r"(\S+) +([0-9]{1,20}) +([0-9]{1,20}) +IN +(IP[46]) +(\S+)", re.ASCII)
_MEDIA = re.compile(
    rf"({_TOKEN}) +([0-9]{{1,5}})(?:/([0-9]{{1,3}}))? +({_TOKEN}(?:/{_TOKEN})*) +(\S.*)", re.ASCII
)
_CONNECTION = re.compile(r"IN +(IP[46]) +(\S+)", re.ASCII)
_BANDWIDTH = re.compile(rf"({_TOKEN}): *([0-9]{{1,12}})", re.ASCII)
_TIME = re.compile(r"[0-9]{1,20} +[0-9]{1,20}", re.ASCII)
_PROTOCOL = re.compile(rf"{_TOKEN}(?:/{_TOKEN})*")
_FORMAT = re.compile(_TOKEN)
_LINE_END = re.compile(r"\r\n|\n|\r")
_FORBIDDEN = re.compile(r"[\x00\r\n]|[\ud800-\udfff]")
"""What may stand in no line: NUL, line ends (RFC 8866 §9) and what UTF-8 cannot carry."""


class _Section:
    """The lines of one section (the session, or one m= line) as they come in."""

    __slots__ = ("attributes", "bandwidths", "connection", "head", "line")

    def __init__(self, head: tuple[str, int, int, str, tuple[str, ...]] | None, line: int) -> None:
        self.head = head
        self.line = line
        self.attributes: list[Attribute] = []
        self.bandwidths: list[Bandwidth] = []
        self.connection: str | None = None

    def take(self, kind: str, text: str, line: int) -> None:
        match kind:
            case "a":
                if len(self.attributes) >= MAX_ATTRIBUTES:
                    raise SdpError(line, f"more than {MAX_ATTRIBUTES} attributes in a section")
                found = _ATTRIBUTE.fullmatch(text)
                if found is None:
                    raise SdpError(line, "attribute without a name")
                self.attributes.append(Attribute(found[1], found[2], line))
            case "b":
                if len(self.bandwidths) >= MAX_ATTRIBUTES:
                    raise SdpError(line, f"more than {MAX_ATTRIBUTES} bandwidths in a section")
                if (found := _BANDWIDTH.fullmatch(text)) is not None:
                    self.bandwidths.append(Bandwidth(found[1], int(found[2])))
            case "c":
                found = _CONNECTION.fullmatch(text)
                if found is None:
                    raise SdpError(line, "connection is not 'IN IP4|IP6 address'")
                if self.connection is None:
                    self.connection = f"IN {found[1]} {found[2]}"

    def media(self) -> Media:
        assert self.head is not None
        kind, port, ports, protocol, formats = self.head
        return Media(
            kind=kind,
            port=port,
            ports=ports,
            protocol=protocol,
            formats=formats,
            attributes=tuple(self.attributes),
            connection=self.connection,
            bandwidths=tuple(self.bandwidths),
            line=self.line,
        )


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    """(line number, type, text) of every line that says something."""
    for number, line in enumerate(_LINE_END.split(text), 1):
        if not line.strip(" \t"):
            continue
        if len(line) < 2 or line[1] != "=":
            raise SdpError(number, "not of the form 'x=…'")
        yield number, line[0], line[2:].rstrip(" \t")


def _origin(text: str, line: int) -> tuple[str, int, int, str]:
    found = _ORIGIN.fullmatch(text)
    if found is None:
        raise SdpError(line, "origin is not 'user id version IN IP4|IP6 address'")
    session_id, version = int(found[2]), int(found[3])
    if max(session_id, version) >= 1 << 64:
        raise SdpError(line, "session id or version beyond 64 bits")
    return found[1], session_id, version, f"IN {found[4]} {found[5]}"


def _media_head(text: str, line: int) -> tuple[str, int, int, str, tuple[str, ...]]:
    found = _MEDIA.fullmatch(text)
    if found is None:
        raise SdpError(line, "media is not 'kind port protocol formats'")
    # Not split(): to Python separators such as U+001D are space, and nothing may be left.
    formats = tuple(item for item in found[5].split(" ") if item)
    if len(formats) > MAX_FORMATS:
        raise SdpError(line, f"more than {MAX_FORMATS} formats")
    if any(_FORMAT.fullmatch(item) is None for item in formats):
        raise SdpError(line, "a format is no token")
    port, ports = int(found[2]), int(found[3] or 1)
    if port > 0xFFFF or ports < 1:
        raise SdpError(line, "port out of range")
    return found[1], port, ports, found[4], formats


def parse(text: str, limit: int = MAX_SIZE) -> Description:
    """The description a text holds; SdpError if it holds none, or more than `limit` characters."""
    if len(text) > limit:
        raise SdpError(0, f"longer than {limit} characters")
    if (bad := re.search(r"[\x00\ud800-\udfff]", text)) is not None:
        raise SdpError(text.count("\n", 0, bad.start()) + 1, "a character no line may hold")
    origin: tuple[str, int, int, str] | None = None
    name = "-"
    times: list[str] = []
    session = section = _Section(None, 0)
    media: list[_Section] = []
    previous = ""
    for line, kind, value in _lines(text):
        if not previous and (kind, value) != ("v", "0"):
            raise SdpError(line, "does not begin with v=0")
        previous = kind
        if kind == "m":
            if len(media) >= MAX_MEDIA:
                raise SdpError(line, f"more than {MAX_MEDIA} media sections")
            section = _Section(_media_head(value, line), line)
            media.append(section)
        elif section is not session or kind in "abc":
            section.take(kind, value, line)
        elif kind == "o" and origin is None:
            origin = _origin(value, line)
        elif kind == "s":
            name = value or "-"
        elif kind == "t" and len(times) < MAX_ATTRIBUTES and _TIME.fullmatch(value) is not None:
            times.append(" ".join(value.split()))
    if origin is None:
        raise SdpError(0, "no origin line (o=)" if previous else "empty")
    return Description(
        *origin,
        media=tuple(item.media() for item in media),
        attributes=tuple(session.attributes),
        name=name,
        connection=session.connection,
        bandwidths=tuple(session.bandwidths),
        times=tuple(times) or ("0 0",),
    )


def write(description: Description) -> str:
    """The text of a description, CRLF line ends. ValueError for what no description can hold."""
    d = description
    lines = ["v=0"]
    origin = f"{d.username} {_unsigned(d.session_id)} {_unsigned(d.version)} {d.address}"
    lines.append(f"o={_checked(_ORIGIN, origin)}")
    lines.append(f"s={_text(d.name)}")
    _write_connection(lines, d.connection, d.bandwidths)
    lines.extend(f"t={_checked(_TIME, time)}" for time in d.times)
    _write_attributes(lines, d.attributes)
    for media in d.media:
        ports = f"/{media.ports}" if media.ports != 1 else ""
        protocol = _checked(_PROTOCOL, media.protocol)
        formats = " ".join(_checked(_FORMAT, item) for item in media.formats)
        head = f"{media.kind} {media.port}{ports} {protocol} {formats}"
        lines.append(f"m={_checked(_MEDIA, head)}")
        _write_connection(lines, media.connection, media.bandwidths)
        _write_attributes(lines, media.attributes)
    lines.append("")
    return "\r\n".join(lines)


def _write_connection(
    lines: list[str], connection: str | None, bandwidths: tuple[Bandwidth, ...]
) -> None:
    if connection is not None:
        lines.append(f"c={_checked(_CONNECTION, connection)}")
    for bandwidth in bandwidths:
        lines.append(f"b={_checked(_BANDWIDTH, f'{bandwidth.kind}:{bandwidth.value}')}")


def _write_attributes(lines: list[str], attributes: tuple[Attribute, ...]) -> None:
    for attribute in attributes:
        if attribute.value is None:
            lines.append(f"a={_checked(_ATTRIBUTE, attribute.name)}")
        else:
            text = f"{attribute.name}:{attribute.value}"
            lines.append(f"a={_checked(_ATTRIBUTE, text)}")


def _unsigned(value: int) -> int:
    if not 0 <= value < 1 << 64:
        _refuse(str(value))
    return value


def _checked(pattern: re.Pattern[str], text: str) -> str:
    if pattern.fullmatch(text) is None:
        _refuse(text)
    return _text(text)


def _text(text: str) -> str:
    if _FORBIDDEN.search(text) is not None:
        _refuse(text)
    return text


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"not to be written in a session description: {text[:80]!r}")
