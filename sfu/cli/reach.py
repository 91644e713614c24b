"""Where the server is that a command asks, whose certificate is right, and what to do when it does
not answer."""

import ssl
from typing import Final, NamedTuple

from sfu.config import ServerSettings

USUAL: Final = "http://127.0.0.1:7800"


class Reach(NamedTuple):
    """An address to ask, and what its certificate is checked against; True is the authorities
    that this host knows, or those in the file that SSL_CERT_FILE names."""

    url: str
    verify: ssl.SSLContext | bool


def own_server(settings: ServerSettings) -> Reach:
    """The server that has these settings, from its own machine.

    Its certificate is the one in its file, whatever names that has and whoever has issued it.
    Raises OSError (ssl.SSLError is one) if that file cannot be used.
    """
    host = _EVERYWHERE.get(settings.host, settings.host)
    host = f"[{host}]" if ":" in host else host
    port = settings.port or USUAL.rpartition(":")[2]
    if not settings.certificate:
        return Reach(f"http://{host}:{port}", True)
    context = ssl.create_default_context(cafile=settings.certificate)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.check_hostname = False
    return Reach(f"https://{host}:{port}", context)


def why_not(url: str, error: Exception) -> tuple[str, str]:
    """What a request has failed by (httpx), and what to do about it."""
    reason = str(error) or type(error).__name__
    rest = url.rpartition("://")[2]
    if not url.startswith(("http://", "https://")):
        return "an address begins with https:// or http://", f"try https://{rest}"
    for sign, (said, remedy) in _SIGNS.items():
        if sign in reason:
            return said or reason, remedy.format(rest=rest)
    if url.startswith("http://") and "disconnected without sending" in reason:
        return "it speaks no plain HTTP", f"try https://{rest}"
    return reason, "is the address right, and the server running?"


_EVERYWHERE: Final = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
_SIGNS: Final = {
    "WRONG_VERSION_NUMBER": ("it speaks no TLS", "try http://{rest}"),
    "HTTP_REQUEST": ("it speaks no TLS", "try http://{rest}"),
    "Hostname mismatch": ("", "use a name that its certificate has"),
    "IP address mismatch": ("", "use a name that its certificate has"),
    "certificate has expired": (
        "its certificate has expired",
        "renew it, then SIGHUP: systemctl reload sfu",
    ),
    "CERTIFICATE_VERIFY_FAILED": (
        "its certificate is of no authority that this host trusts",
        "with an authority of your own, SSL_CERT_FILE=ca.pem before the command",
    ),
    "Name or service not known": ("", "is the name right?"),
}
