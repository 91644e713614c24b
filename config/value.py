"""The kinds of value that a setting may have, each with the words that describe it to people."""

import ipaddress
import re
from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    SecretStr,
    StringConstraints,
    WithJsonSchema,
)


def parse_duration(value: object) -> float:
    """Seconds of `30`, `"30s"`, `"500ms"`, `"10m"`, `"1h"`, `"1d"`, to the microsecond;
    `ValueError` for others."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("not a duration")
    seconds = _seconds(value) if isinstance(value, str) else value
    if not 0 <= seconds < MOST:  # so that nan is none
        raise ValueError(f"a duration is not negative, and below {MOST} seconds")
    return round(float(seconds), 6) + 0.0  # and not -0.0


def duration_text(seconds: float) -> str:
    """The text in the largest unit that divides it, which `parse_duration` reads back unchanged."""
    for unit in reversed(_UNITS):
        count = seconds / _UNITS[unit]
        if 1 <= count < MOST and count == int(count):
            return f"{int(count)}{unit}"
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"


def _seconds(text: str) -> float:
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a duration: expected {_DURATION_WORDS}")
    return float(match[1]) * _UNITS[match[2] or "s"]


def _word_for_none(word: str) -> Callable[[object], object]:
    return lambda value: None if value == word else value


def _text_or(word: str, text: Callable[[float], object]) -> Callable[[float | None], object]:
    return lambda value: word if value is None else text(value)


def _address(text: str) -> str:
    return str(ipaddress.ip_address(text))


def _address_or_any(text: str) -> str:
    return _address(text) if text else text


def _network(text: str) -> str:
    network = ipaddress.ip_network(text, strict=False)
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        # Whoever comes from there is looked for by the address of IPv4.
        return f"{network.network_address.ipv4_mapped}/{network.prefixlen - _MAPPED.prefixlen}"
    return str(network)


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _http_url(text: str) -> str:
    if not text:
        return text
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an http(s) URL")
    return text


def _origin(text: str) -> str:
    if not _ORIGIN.fullmatch(text):
        raise ValueError("not an origin")
    return text.lower()


MOST = 1_000_000_000
"""A bound that keeps typing errors out and nothing else."""

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
"""Addresses of IPv4, as sockets of both families have them (RFC 4291 §2.5.5.2)."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*(ms|s|m|h|d)?", re.ASCII)
_ORIGIN = re.compile(r"\*|https?://(\*\.)?([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
_DURATION_WORDS = 'seconds as a number, or a text such as "500ms", "30s", "10m", "1h"'
_DURATION_SCHEMA = [
    {"type": "number", "minimum": 0},
    {"type": "string", "pattern": f"^{_DURATION.pattern}$"},
]

Port = Annotated[int, Field(ge=0, le=65535)]
"""A TCP or UDP port; 0 lets the system choose."""

Count = Annotated[int, Field(ge=1, le=MOST)]
"""How many at most, or how many bytes at most."""

Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(duration_text, return_type=str, when_used="json"),
    WithJsonSchema({"anyOf": _DURATION_SCHEMA, "accepted": _DURATION_WORDS}),
]
"""Seconds."""

OptionalDuration = Annotated[
    Duration | None,
    BeforeValidator(_word_for_none("never")),
    PlainSerializer(_text_or("never", duration_text), return_type=str, when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [*_DURATION_SCHEMA, {"const": "never"}],
            "accepted": f'"never", or {_DURATION_WORDS}',
            "hint": 'a duration or "never"',
        }
    ),
]
"""Seconds, or None for the word "never"."""

OptionalCount = Annotated[
    Count | None,
    BeforeValidator(_word_for_none("unlimited")),
    PlainSerializer(_text_or("unlimited", int), when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer", "minimum": 1}, {"const": "unlimited"}],
            "accepted": '"unlimited", or an integer of 1 or more',
            "hint": 'a number or "unlimited"',
        }
    ),
]
"""How many at most, or None for the word "unlimited"."""

BindAddress = Annotated[
    str,
    AfterValidator(_address_or_any),
    WithJsonSchema({"type": "string", "accepted": 'an IPv4 or IPv6 address, or ""'}),
]
"""An address of this host, or "" for every one."""

IpAddress = Annotated[
    str,
    AfterValidator(_address),
    WithJsonSchema({"type": "string", "accepted": "an IPv4 or IPv6 address"}),
]

IpNetwork = Annotated[
    str,
    AfterValidator(_network),
    WithJsonSchema({"type": "string", "accepted": 'an address or a network such as "10.0.0.0/8"'}),
]

IpAddresses = Annotated[tuple[IpAddress, ...], BeforeValidator(_frozen)]
IpNetworks = Annotated[tuple[IpNetwork, ...], BeforeValidator(_frozen)]

Origin = Annotated[
    str,
    AfterValidator(_origin),
    WithJsonSchema(
        {
            "type": "string",
            "accepted": '"*", or an origin such as "https://example.com" or '
            '"https://*.example.com"',
        }
    ),
]
Origins = Annotated[tuple[Origin, ...], BeforeValidator(_frozen)]

IceUrl = Annotated[
    str,
    StringConstraints(pattern=r"^(stuns?|turns?):[^\s?/]+(\?transport=(udp|tcp))?$"),
    WithJsonSchema(
        {
            "type": "string",
            "accepted": 'such as "turn:turn.example.com:3478?transport=udp" (RFC 7064, 7065)',
        }
    ),
]
IceUrls = Annotated[tuple[IceUrl, ...], BeforeValidator(_frozen)]

HttpUrl = Annotated[
    str,
    AfterValidator(_http_url),
    WithJsonSchema(
        {"type": "string", "format": "uri", "accepted": 'an http:// or https:// URL, or ""'}
    ),
]
"""Where to post to, or "" for nowhere."""


def _own(secret: SecretStr) -> SecretStr:
    if secret.get_secret_value().strip() in ("…", "..."):
        raise ValueError("no secret")
    return secret


Secret = Annotated[
    SecretStr,
    AfterValidator(_own),
    Field(json_schema_extra={"accepted": "a text of your own, such as openssl rand -hex 32 gives"}),
]
"""Known to nobody else: what stands for one in examples, which everybody can read, is refused."""
