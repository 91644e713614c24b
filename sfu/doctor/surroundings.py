"""The doctor's checks of what is outside the process: clock, certificate, store."""

import asyncio
import contextlib
import ctypes
import datetime
import itertools
import os
import sqlite3
import ssl
import warnings
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509

from sfu.config import ConfigError, Settings
from sfu.doctor.finding import Finding, Level
from sfu.store import StoreError
from sfu.store.owner import Owner
from sfu.tls import Tls


def clock() -> Finding:
    """Whether something keeps the host's clock right, as the kernel sees it (adjtimex(2)).

    Join tokens, usage records and the signatures of webhooks depend on the time.
    """
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        remedy = "timedatectl, or chronyc tracking, tells it (of a container: on the host)"
        return Finding(Level.DOUBTFUL, "clock", "its state cannot be read", remedy)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    if state in (-1, _TIME_ERROR):
        return Finding(
            Level.DOUBTFUL,
            "clock",
            f"{now}, and nothing keeps it right: tokens may be refused",
            "timedatectl set-ntp true, or install chrony (in a container: on the host)",
        )
    return Finding(Level.GOOD, "clock", f"{now}, synchronised")


def certificate(settings: Settings) -> Iterator[Finding]:
    """Whether clients will accept `[server] certificate`: key, names, time and chain."""
    server = settings.server
    if not server.certificate:
        yield Finding(
            Level.GOOD, "certificate", "none: plain HTTP, for loopback or behind a proxy with TLS"
        )
        return
    try:
        Tls(server)
        pem = Path(server.certificate).read_bytes()
        chain = x509.load_pem_x509_certificates(pem)
    except ConfigError as error:
        yield from (
            Finding(Level.BAD, each.key, f"{each.source} {each.message}", _FILES)
            for each in error.problems
        )
        return
    except (OSError, ValueError) as error:
        yield Finding(Level.BAD, "server.certificate", str(error), _FILES)
        return
    yield _names(chain[0])
    yield _time_left(chain)
    yield _chain(chain)


def _names(leaf: x509.Certificate) -> Finding:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = [str(each) for each in names.get_values_for_type(x509.DNSName)]
        found += [str(each) for each in names.get_values_for_type(x509.IPAddress)]
    except x509.ExtensionNotFound:
        found = []
    if found:
        return Finding(Level.GOOD, "certificate names", ", ".join(found))
    return Finding(
        Level.BAD,
        "certificate names",
        "no subject alternative name: browsers do not look at the common name (RFC 9110 §4.3.4)",
        "issue it anew with subjectAltName=DNS:<the server's name>",
    )


def _time_left(chain: list[x509.Certificate]) -> Finding:
    now = datetime.datetime.now(datetime.UTC)
    ends = min(each.not_valid_after_utc for each in chain)
    begins = max(each.not_valid_before_utc for each in chain)
    if begins > now:
        remedy = "set the clock right, or wait"
        return Finding(Level.BAD, "certificate time", f"not valid before {begins}", remedy)
    if ends <= now:
        return Finding(Level.BAD, "certificate time", f"expired on {ends}", _RENEW)
    days = (ends - now).days
    if days < _DAYS_LEFT:
        return Finding(Level.DOUBTFUL, "certificate time", f"{days} days left", _RENEW)
    return Finding(Level.GOOD, "certificate time", f"{days} days left")


def _chain(chain: list[x509.Certificate]) -> Finding:
    for lower, upper in itertools.pairwise(chain):
        try:
            lower.verify_directly_issued_by(upper)
        except Exception:  # whatever the signature's kind raises
            return Finding(
                Level.BAD,
                "certificate chain",
                f"{upper.subject.rfc4514_string()} has not issued what stands before it",
                "the file: first the server's certificate, then each issuer's, without the root",
            )
    top = chain[-1]
    if top.issuer == top.subject and len(chain) == 1:
        detail = "self-signed: browsers ask their users for an exception"
        return Finding(Level.DOUBTFUL, "certificate chain", detail, "one of a known authority")
    known = _known(chain)
    if known:
        return Finding(Level.GOOD, "certificate chain", f"leads to {known}")
    return Finding(
        Level.DOUBTFUL,
        "certificate chain",
        f"{top.issuer.rfc4514_string()} is no authority that this host trusts",
        "add the issuers' certificates to the file; a private authority must be on each client",
    )


def _known(chain: list[x509.Certificate]) -> str:
    """The trusted root that the chain leads to; "" if there is none on this host."""
    trusted = ssl.create_default_context().get_ca_certs(binary_form=True)
    for der in trusted:
        try:
            with warnings.catch_warnings(action="ignore"):  # of old roots' oddities
                root = x509.load_der_x509_certificate(der)
            if root.subject == chain[-1].issuer:
                chain[-1].verify_directly_issued_by(root)
                return root.subject.rfc4514_string()
        except Exception:  # an old root that cannot be parsed is none of ours
            continue
    return ""


def store(settings: Settings) -> Finding:
    """Whether the store can be used. A file is neither made nor changed: it would be the wrong
    user's."""
    return _redis(settings) if settings.store.url else _file(Path(settings.store.path))


def _file(path: Path) -> Finding:
    owner = "set store.path; file and folder must be writable for the server's user"
    target = path if path.exists() else path.absolute().parent
    if not (os.access(target, os.W_OK) and os.access(path.absolute().parent, os.W_OK)):
        return Finding(Level.BAD, "store", f"{target} cannot be written", owner)
    if path.exists():
        try:
            address = f"{path.absolute().as_uri()}?mode=ro"
            with contextlib.closing(sqlite3.connect(address, uri=True)) as file:
                file.execute("PRAGMA user_version").fetchone()
        except sqlite3.Error as error:
            return Finding(Level.BAD, "store", f"{path}: {error}", "restore it, or set store.path")
    return Finding(Level.GOOD, "store", str(path))


def _redis(settings: Settings) -> Finding:
    try:
        owner = asyncio.run(_look(settings.store.url))
    except StoreError as error:
        return Finding(Level.BAD, "store", str(error), _STORE_URL)
    used = "" if owner is None else f"; {owner} has the database"
    return Finding(Level.GOOD, "store", f"Redis answers{used}")


async def _look(url: str) -> Owner | None:
    from sfu.store.redis import RedisStore  # whoever has a file needs no client of Redis

    return await RedisStore(url).look()


_TIMEX_BYTES = 512
"""More than `struct timex` has anywhere; all zero asks and changes nothing."""
_TIME_ERROR = 5
_DAYS_LEFT = 14
_FILES = "set server.certificate and server.key to PEM files that the server may read"
_RENEW = "renew it, then SIGHUP: systemctl reload sfu"
_STORE_URL = "start Redis, or set store.url: redis://[user:password@]host:port/database"
