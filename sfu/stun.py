"""A client's binding checks (RFC 8489, RFC 8445 §7.2.2): as much of STUN as asking takes."""

import hashlib
import hmac
import secrets
import struct
import zlib
from typing import Final

COOKIE: Final = 0x2112A442
REQUEST, SUCCESS = 0x0001, 0x0101
USERNAME, INTEGRITY, PRIORITY, CONTROLLING, FINGERPRINT = 0x0006, 0x0008, 0x0024, 0x802A, 0x8028
_XOR: Final = 0x5354554E


def check(ufrag: str, pwd: str) -> tuple[bytes, bytes]:
    """A check for the agent of these credentials, and its transaction id."""
    transaction = secrets.token_bytes(12)
    body = _attribute(USERNAME, f"{ufrag}:doctor".encode())
    body += _attribute(PRIORITY, struct.pack("!I", 0x6E7F1EFF))
    body += _attribute(CONTROLLING, secrets.token_bytes(8))
    # The length that is hashed includes the attribute that holds the hash (RFC 8489 §14.5).
    hashed = _header(transaction, len(body) + 24) + body
    body += _attribute(INTEGRITY, hmac.digest(pwd.encode(), hashed, hashlib.sha1))
    summed = _header(transaction, len(body) + 8) + body
    body += _attribute(FINGERPRINT, struct.pack("!I", zlib.crc32(summed) ^ _XOR))
    return _header(transaction, len(body)) + body, transaction


def answered(datagram: bytes) -> bytes | None:
    """The transaction that a success answers; None for anything else."""
    if len(datagram) < 20:
        return None
    kind, length, cookie = struct.unpack_from("!HHI", datagram)
    if kind != SUCCESS or cookie != COOKIE or length + 20 != len(datagram):
        return None
    return datagram[8:20]


def _header(transaction: bytes, length: int) -> bytes:
    return struct.pack("!HHI", REQUEST, length, COOKIE) + transaction


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)
