"""ICE credentials and candidates of a lite agent (RFC 8445 §2.5).

A lite agent sends no checks of its own; those of the clients are answered by
the packet plane, which knows each transport by its user name fragment.
"""

import base64
import ipaddress
import secrets
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Credentials:
    """Short-term credentials of one transport; the password is never logged."""

    ufrag: str
    pwd: str

    def __repr__(self) -> str:
        return f"Credentials(ufrag={self.ufrag!r})"


def make_credentials() -> Credentials:
    """At least 24 and 128 bits of randomness (RFC 8445 §5.3): here 48 and 144.

    The user name fragment is what finds a transport, so it is long enough
    never to meet another one's.
    """
    return Credentials(_random(6), _random(18))


def _random(count: int) -> str:
    """So many bytes as ice-char (RFC 8839 §5.4), whose alphabet is that of base64."""
    return base64.b64encode(secrets.token_bytes(count)).decode()


def own_addresses() -> list[str]:
    """This host's addresses that others may reach: IPv4, and global IPv6; no loopback.

    Asks the kernel which source address it would use towards the outside and
    adds what the host's name resolves to. Sends nothing.
    """
    found: list[str] = []
    # Documentation addresses (RFC 5737, 3849): connect() on a datagram socket only picks a route.
    for family, target in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((target, 9))
                found.append(str(probe.getsockname()[0]))
        except OSError:
            continue
    try:
        resolved = socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_DGRAM)
    except OSError:
        resolved = []
    found += [str(entry[4][0]) for entry in resolved]
    return [address for address in dict.fromkeys(found) if _reachable(address)]


def _reachable(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:  # with a zone: link-local
        return False
    if address.is_loopback or address.is_unspecified or address.is_link_local:
        return False
    return address.version == 4 or address.is_global


def announced_addresses(configured: Sequence[str], host: str, *, dev: bool) -> list[str]:
    """The addresses that clients are told to send to, most preferred first.

    configured -- the operator's list; it is taken as it is.
    host -- the address that media is bound to; "" is every address.
    dev -- loopback is announced too, and first.
    """
    if configured:
        return list(configured)
    if host:
        return [host]
    own = own_addresses()
    if dev or not own:
        own = ["127.0.0.1", *own]
    return own


def candidates(addresses: Iterable[str], port: int) -> tuple[tuple[str, int], ...]:
    """Host candidates on one UDP port."""
    return tuple((address, port) for address in addresses)
