"""Datagrams and sockets of people whom nobody knows."""

import asyncio
import contextlib
import hmac
import random
import socket
import struct
import time
from collections.abc import Callable, Sequence
from typing import Final

from sfu.bench.chaos.line import Line
from sfu.bench.errors import ClientError, Refused
from sfu.config import DEV_TENANT
from sfu.participant import Role
from sfu.signaling.tokens import mint

SOCKETS: Final = 50
PATTERNS: Final = 1000
"""Different datagrams of one kind."""
AT_ONCE: Final = 100
SILENCE: Final = 1.0
"""Seconds that a socket stays which says nothing."""

HANDSHAKE: Final = (
    b"GET /v1/signal HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)

Make = Callable[[random.Random], bytes]
"""Makes a datagram of one kind."""


def binding_request(chance: random.Random, user: str = "nobody") -> bytes:
    """From somebody who has no password, for a user who may be there."""
    name = f"{user if chance.random() < 0.5 else 'nobody'}:x".encode()
    body = b"".join([
        struct.pack("!HH", 0x0006, len(name)) + name + bytes(-len(name) % 4),
        struct.pack("!HHI", 0x0024, 4, 1),
        struct.pack("!HHQ", 0x802A, 8, chance.getrandbits(60)),
    ])  # fmt: skip
    # MESSAGE-INTEGRITY is the last, and counted in the length (RFC 8489 §14.5).
    head = struct.pack("!HHI12s", 1, len(body) + 24, 0x2112A442, chance.randbytes(12))
    signed = hmac.digest(b"not the password", head + body, "sha1")
    return head + body + struct.pack("!HH", 0x0008, len(signed)) + signed


def bare_request(chance: random.Random) -> bytes:
    """The smallest there is: what an answer would have to be smaller than."""
    return struct.pack("!HHI12s", 1, 0, 0x2112A442, chance.randbytes(12))


def client_hello(chance: random.Random) -> bytes:
    """The head of one, in a record of DTLS 1.2; what is behind is random."""
    body = b"\x01" + chance.randbytes(150)
    return b"\x16\xfe\xfd" + bytes(8) + struct.pack("!H", len(body)) + body


def rtp(chance: random.Random) -> bytes:
    """To a random SSRC."""
    return struct.pack("!BBHII", 0x80, 96, 1, 1, chance.getrandbits(32)) + chance.randbytes(40)


def rtcp(chance: random.Random) -> bytes:
    """A request for a keyframe, of anybody."""
    return struct.pack("!BBHII", 0x81, 206, 2, chance.getrandbits(32), chance.getrandbits(32))


def rubbish(chance: random.Random) -> bytes:
    """Anything."""
    return chance.randbytes(chance.randrange(1, 1400))


KINDS: Final[Sequence[Make]] = (
    binding_request,
    bare_request,
    client_hello,
    rtp,
    rtcp,
    rubbish,
)


def flood(host: str, ports: Sequence[int], make: Make, rate: int, seconds: float, seed: int) -> int:
    """Sends one kind to all ports, `rate` datagrams a second, and gives their number. Blocks."""
    chance = random.Random(seed)
    datagrams = [make(chance) for _ in range(PATTERNS)]
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(SOCKETS)]
    start, sent = time.monotonic(), 0
    try:
        while (passed := time.monotonic() - start) < seconds:
            for number in range(sent, min(sent + AT_ONCE, int(passed * rate))):
                to = host, ports[number % len(ports)]
                sockets[number % SOCKETS].sendto(datagrams[number % PATTERNS], to)
                sent += 1
            time.sleep(AT_ONCE / rate / 2)
    finally:
        for each in sockets:
            each.close()
    return sent


async def connect(host: str, port: int) -> str | None:
    """Opens a connection for media (RFC 6544) and shows nothing for a moment. To refuse or to end
    it is as good, so there is nothing wrong to give."""
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection(host, port)
        try:
            await asyncio.sleep(SILENCE)
        finally:
            writer.transport.abort()
    return None


async def ring(host: str, port: int) -> str | None:
    """Opens a socket for signaling, as cheaply as can be, from an address that is not the call's,
    and says nothing for a moment. To be refused is as good; gives what else the answer is."""
    with contextlib.suppress(OSError):
        reader, writer = await asyncio.open_connection(host, port, local_addr=("127.0.0.2", 0))
        try:
            writer.write(HANDSHAKE)
            head = await reader.readline()
            if b" 101 " in head:
                await asyncio.sleep(SILENCE)
            elif head and b" 429 " not in head:
                return f"a socket was answered with {head.decode().strip()}"
        finally:
            writer.transport.abort()
    return None


async def knock(url: str, room: str, joins: int) -> str | None:
    """Opens a socket and asks `joins` times to be let in, by a token that somebody else has signed;
    without any it says nothing for a moment. Gives what was wrong with the answers."""
    try:
        line = await Line.open(url, "a stranger")
    except ClientError:
        return None  # refused at the door: as good
    try:
        if not joins:
            await asyncio.sleep(SILENCE)
            return None
        token = mint(
            "not the secret of anybody at all",
            tenant=DEV_TENANT,
            room=room,
            identity="a stranger",
            role=Role.ORGANIZER,
            now=time.time(),
            ttl=60.0,
        )
        for _ in range(joins):
            if not await _is_refused(line, token, room):
                return "a stranger was let in"
    except ClientError as error:
        return str(error)
    finally:
        line.abort()
        await line.close()
    return None


async def _is_refused(line: Line, token: str, room: str) -> bool:
    try:
        await line.request("join", room=room, token=token)
    except Refused:
        return True
    return False
