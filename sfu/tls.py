"""TLS of the HTTP port: `[server] certificate` and `key`, which may be loaded anew at any time."""

import ssl
from pathlib import Path

from cryptography import x509

from sfu.config import ConfigError, Problem
from sfu.config.schema import ServerSettings


class Tls:
    """The context of a listener. Connections keep the certificate that they began with.

    Raises ConfigError when the files cannot be used.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self.context = _context()
        self.load(settings)

    def load(self, settings: ServerSettings) -> None:
        """Handshakes from now on show the certificate that the files hold now.

        Raises ConfigError, with nothing changed, when the files cannot be used.
        """
        _load(_context(), settings)  # a failure may leave half of the pair behind
        _load(self.context, settings)
        leaf = x509.load_pem_x509_certificate(Path(settings.certificate).read_bytes())
        self.end = leaf.not_valid_after_utc.timestamp()
        """When the certificate ends, in seconds since the epoch."""


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996
    return context


def _load(context: ssl.SSLContext, settings: ServerSettings) -> None:
    for name in ("certificate", "key"):
        path = getattr(settings, name)
        try:
            Path(path).read_bytes()
        except OSError as error:
            raise _refused(path, name, f"cannot be read: {error.strerror or error}") from None
    try:
        context.load_cert_chain(settings.certificate, settings.key, password=_no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise _refused(settings.key, "key", "is not the certificate's key") from None
        raise _refused(settings.certificate, "certificate", _UNREADABLE) from None
    except (OSError, ValueError):
        raise _refused(settings.key, "key", "is encrypted; it must not be") from None


def _no_password() -> str:
    """Else OpenSSL would ask on the terminal, and wait."""
    raise ValueError("encrypted")


def _refused(path: str, name: str, reason: str) -> ConfigError:
    return ConfigError([Problem(path, f"server.{name}", reason)])


_UNREADABLE = "is not a certificate in PEM form, followed by its chain, with a key in PEM form"
