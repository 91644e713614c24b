"""DTLS 1.2 in memory: handshake, fingerprint check, SRTP keys (RFC 6347, 5763, 5764).

No socket in here: datagrams go in and come out, `now` (seconds, monotonic) is
an argument.

    NEW --start/receive--> RUNNING --finished, fingerprint right--> DONE --close--> CLOSED
                              |                                       |
                              +-- error, wrong peer, give-up ---------+--> FAILED

Retransmission is twofold. OpenSSL's timer (1 s, doubling, on OpenSSL's own
clock) rebuilds a flight with new record numbers, which is what a peer that has
already finished needs to see. Below that second, an unanswered flight is sent
again as it was: that repairs a lost one sooner, and a peer drops what it has by
its replay window (RFC 6347 §4.1.2.6).
"""

import enum
import hashlib
import hmac
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from cryptography.hazmat.primitives import serialization
from OpenSSL import SSL
from OpenSSL._util import lib as openssl

from sfu.certificate import Certificate

__all__ = ["Certificate", "DtlsError", "Handshake", "SrtpKeys", "State"]

MTU = 1200
"""Bytes of a datagram we send: fits every path that media fits."""
MAX_DATAGRAM = 4096
MAX_RECEIVED = 64 * 1024
"""Bytes taken from a peer before the handshake is done: a chain of large certificates, twice."""
GIVE_UP = 20.0
"""Seconds from the first datagram to the end of an unfinished handshake."""
RESEND_AFTER = (0.15, 0.45)
"""Seconds after which an unanswered flight is sent again as it was."""
RESEND_GAP = 0.05
"""A client that repeats itself gets our flight again, but not sooner than this."""
LINGER = 0.5
"""Seconds that OpenSSL stays after the handshake: in a storm of joins few do so at a time."""
MAX_RESENDS = 8
"""Of one flight."""

# OpenSSL's name to the registered name and the lengths of key and salt (RFC 5764 §4.1.2, 7714 §12).
_KEYING = {
    b"SRTP_AEAD_AES_128_GCM": ("AEAD_AES_128_GCM", 16, 12),
    b"SRTP_AES128_CM_SHA1_80": ("AES128_CM_HMAC_SHA1_80", 16, 14),
}
_LABEL = b"EXTRACTOR-dtls_srtp"
_HASHES = {"sha-256": "sha256", "sha-384": "sha384", "sha-512": "sha512"}
_RECORD_HEADER = 13
_CLIENT_HELLO = 1
_HANDSHAKE = 22


class DtlsError(Exception):
    """The handshake failed; the message says why (for the log)."""


class State(enum.Enum):
    """Where a handshake stands."""

    NEW = enum.auto()
    RUNNING = enum.auto()
    DONE = enum.auto()
    FAILED = enum.auto()
    CLOSED = enum.auto()


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """Master key followed by master salt for each direction, as `Worker.set_keys` takes them."""

    profile: str
    """"AEAD_AES_128_GCM" or "AES128_CM_HMAC_SHA1_80"."""
    receive: bytes = field(repr=False)
    send: bytes = field(repr=False)


class Handshake:
    """One DTLS association.

    `keys` is None until the peer is proven to be the announced one; `peer_closed`
    says that the peer sent close_notify. When `linger` seconds have passed since
    DONE (infinity: never) OpenSSL's 70 KiB are given back, and with them the means
    to see or to send a close_notify: who has many receivers lets signaling and
    consent tell. A peer that lost our last flight is given it again, even then.
    """

    def __init__(
        self,
        certificate: Certificate,
        *,
        client: bool,
        fingerprints: Sequence[str],
        now: float,
        linger: float = LINGER,
    ) -> None:
        self.state = State.NEW
        self.keys: SrtpKeys | None = None
        self.peer_closed = False
        self._client = client
        self._fingerprints = tuple(fingerprints)
        connection = SSL.Connection(certificate.context(client=client), None)
        connection.set_ciphertext_mtu(MTU)
        if client:
            connection.set_connect_state()
        else:
            connection.set_accept_state()
        self._connection: SSL.Connection | None = connection
        self._linger = linger
        # Once begun, when to give up; once done, when to release.
        self._deadline = math.inf
        self._timer = math.inf
        self._received = 0
        self._now = now
        self._flight: list[bytes] = []
        self._flight_at = now
        self._resent_at = now
        self._resends = 0
        self._alerts: list[bytes] = []

    def start(self, now: float) -> list[bytes]:
        """The first flight when we are the client; nothing when we are the server."""
        self._now = now
        if self._connection is None or self.state is not State.NEW:
            return []
        self.state = State.RUNNING
        self._deadline = now + GIVE_UP
        if not self._client:
            return []
        self._advance(self._connection)
        flight = self._sent(_written(self._connection))
        self._note_timer(self._connection)
        return flight

    def receive(self, datagram: bytes, now: float) -> list[bytes]:
        """Takes a datagram, gives the datagrams to send.

        Raises DtlsError when the association fails; after that it is FAILED and
        silent. What is still to be told to the peer is in `pending`.
        """
        first = self.start(now)
        self._now = now
        connection = self._connection
        if connection is None and self.state is State.DONE:
            return self._repeat(datagram, hello=False)
        if connection is None or not datagram or len(datagram) > MAX_DATAGRAM:
            return first
        if self.state is State.RUNNING:
            self._received += len(datagram)
            if self._received > MAX_RECEIVED:
                self._fail(f"more than {MAX_RECEIVED} bytes before the handshake was done")
            if now >= self._deadline:
                self._fail("not done in time")
        # One datagram at a time: a memory BIO keeps no bounds, and OpenSSL drops what is cut off.
        connection.bio_write(datagram)
        was = self.state
        if self.state is State.RUNNING:
            self._advance(connection)
        if self.state is State.DONE:
            self._drain(connection)
        self._note_timer(connection)
        if written := _written(connection):
            return first + self._sent(written)
        # The peer repeats itself: it has not got our flight. OpenSSL keeps silent on a hello it
        # knows, and on anything that it has by record number.
        return first + self._repeat(datagram, hello=was is State.RUNNING)

    def timeout(self) -> float | None:
        """When `expire` wants to be called (on the scale of `now`), None for never."""
        if self._connection is None or self.state is State.NEW:
            return None
        due = self._deadline
        if self.state is State.DONE:
            return due if due < math.inf else None
        due = min(due, self._timer)
        resend = self._resend_due()
        return due if resend is None else min(due, resend)

    def expire(self, now: float) -> list[bytes]:
        """Retransmits or releases what is due. Raises DtlsError when the handshake is given up."""
        self._now = now
        connection = self._connection
        if self.state is State.DONE and now >= self._deadline:
            self._connection = None
        if connection is None or self.state is not State.RUNNING:
            return []
        if now >= self._deadline:
            self._fail("not done in time")
        openssl.ERR_clear_error()
        try:
            connection.DTLSv1_handle_timeout()
        except SSL.Error as error:
            self._fail(f"given up: {_reason(error)}", error)
        self._note_timer(connection)
        if rebuilt := _written(connection):
            return rebuilt
        due = self._resend_due()
        return self._resend(now, due) if due is not None else []

    def close(self) -> list[bytes]:
        """Ends the association; the close_notify to send, if it was done and is not released."""
        farewell: list[bytes] = []
        if self._connection is not None and self.state is State.DONE:
            _shutdown(self._connection)
            farewell = _written(self._connection)
        if self.state is not State.FAILED:
            self.state = State.CLOSED
        self.keys = None
        self._connection = None
        return farewell

    def pending(self) -> list[bytes]:
        """The alert to send after a DtlsError, once."""
        alerts, self._alerts = self._alerts, []
        return alerts

    def _advance(self, connection: SSL.Connection) -> None:
        """Runs the handshake as far as the bytes at hand go."""
        openssl.ERR_clear_error()  # what others left in the thread's queue is not our failure
        try:
            connection.do_handshake()
        except SSL.WantReadError:
            return
        except SSL.ZeroReturnError:
            self._fail("the peer closed")
        except SSL.Error as error:
            self._fail(_reason(error), error)
        self._finish(connection)

    def _finish(self, connection: SSL.Connection) -> None:
        """The handshake is complete: who is it, and what are the keys?"""
        certificate = connection.get_peer_certificate(as_cryptography=True)
        if certificate is None:
            self._fail("the peer showed no certificate")
        if not _announced(certificate.public_bytes(serialization.Encoding.DER), self._fingerprints):
            _shutdown(connection)
            self._fail("the peer's certificate has none of the announced fingerprints")
        profile = connection.get_selected_srtp_profile()
        if profile not in _KEYING:
            _shutdown(connection)
            self._fail("no SRTP profile in common")
        name, key, salt = _KEYING[profile]
        material = connection.export_keying_material(_LABEL, 2 * (key + salt))
        # RFC 5764 §4.2: client key, server key, client salt, server salt.
        salts = material[2 * key :]
        of_client, of_server = material[:key] + salts[:salt], material[key : 2 * key] + salts[salt:]
        if self._client:
            self.keys = SrtpKeys(name, receive=of_server, send=of_client)
        else:
            self.keys = SrtpKeys(name, receive=of_client, send=of_server)
        self.state = State.DONE
        self._deadline = self._now + self._linger

    def _drain(self, connection: SSL.Connection) -> None:
        """After the handshake: repeats our last flight if asked, notices the end, drops data."""
        openssl.ERR_clear_error()
        try:
            while not self.peer_closed:
                connection.recv(MAX_DATAGRAM)
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.peer_closed = True
        except SSL.Error as error:
            self._fail(_reason(error), error)

    def _fail(self, reason: str, cause: Exception | None = None) -> NoReturn:
        self.state = State.FAILED
        self.keys = None
        self._flight = []
        if self._connection is not None:
            self._alerts = _written(self._connection)
        self._connection = None
        raise DtlsError(reason) from cause

    def _note_timer(self, connection: SSL.Connection) -> None:
        remaining = connection.DTLSv1_get_timeout()
        # OpenSSL rounds down to nothing in the last milliseconds: do not spin.
        self._timer = math.inf if remaining is None else self._now + max(remaining, 0.005)

    def _sent(self, flight: list[bytes]) -> list[bytes]:
        self._flight = flight
        self._flight_at = self._resent_at = self._now
        self._resends = 0
        return flight

    def _resend_due(self) -> float | None:
        if not self._flight or self._resends >= len(RESEND_AFTER):
            return None
        return self._flight_at + RESEND_AFTER[self._resends]

    def _repeat(self, datagram: bytes, *, hello: bool) -> list[bytes]:
        """Our last flight, if a client that has not got it asks for it with its own."""
        if self._client or not _is_repeatable(datagram, hello=hello):
            return []
        return self._resend(self._now, self._resent_at + RESEND_GAP)

    def _resend(self, now: float, due: float) -> list[bytes]:
        if now < due or self._resends >= MAX_RESENDS:
            return []
        self._resends += 1
        self._resent_at = now
        return list(self._flight)


def _shutdown(connection: SSL.Connection) -> None:
    openssl.ERR_clear_error()
    try:
        connection.shutdown()
    except SSL.Error:
        openssl.ERR_clear_error()


def _written(connection: SSL.Connection) -> list[bytes]:
    """What OpenSSL wrote, as datagrams: whole records, as many as fit (RFC 6347 §4.1.1)."""
    chunks = []
    while True:
        try:
            chunks.append(connection.bio_read(0x4000))
        except SSL.WantReadError:
            return _datagrams(b"".join(chunks))


def _datagrams(stream: bytes) -> list[bytes]:
    datagrams: list[bytes] = []
    start = end = 0
    while end + _RECORD_HEADER <= len(stream):
        length = _RECORD_HEADER + int.from_bytes(stream[end + 11 : end + 13])
        if end > start and end + length - start > MTU:
            datagrams.append(stream[start:end])
            start = end
        end += length
    if end > start:
        datagrams.append(stream[start:end])
    return datagrams


def _is_repeatable(datagram: bytes, *, hello: bool) -> bool:
    """Whether the first record is a client's handshake message in the clear (epoch 0).

    `hello`: only a ClientHello, which is what a client repeats that heard nothing.
    """
    return (
        len(datagram) > _RECORD_HEADER
        and datagram[0] == _HANDSHAKE
        and datagram[3:5] == b"\0\0"
        and (datagram[_RECORD_HEADER] == _CLIENT_HELLO) == hello
    )


def _announced(certificate: bytes, fingerprints: Sequence[str]) -> bool:
    """Whether a certificate (DER) has one of the fingerprints (RFC 8122 §5), in constant time."""
    found = False
    for text in fingerprints:
        algorithm, _, digits = text.partition(" ")
        name = _HASHES.get(algorithm.lower())
        if name is None:
            continue
        digest = hashlib.new(name, certificate).hexdigest()
        expected = digits.replace(":", "").strip().lower()
        found |= hmac.compare_digest(digest.encode(), expected.encode())
    return found


def _reason(error: SSL.Error) -> str:
    """OpenSSL's words: the last entry of its queue."""
    entries = error.args[0] if error.args else ()
    if isinstance(entries, list) and entries:
        return str(entries[-1][-1])
    return str(error) or type(error).__name__
