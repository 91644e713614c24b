"""A subscriber on a socket of its own that counts what it is sent, and says of it what it likes."""

import asyncio
import math
import random
import struct
import time
from collections.abc import Callable, Iterator
from typing import Final, Self

from aioice import stun
from aiortc.rtp import pack_remb_fci
from pylibsrtp import Policy, Session

from sfu.bench.clients import Signaling
from sfu.bench.description import Credentials, read_format, read_remote, receive_answer
from sfu.certificate import Certificate
from sfu.codecs.vp8 import VP8
from sfu.dtls import Handshake

SSRC: Final = 0xBAD
PROFILES: Final = {
    "AEAD_AES_128_GCM": Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    "AES128_CM_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
}
EACH: Final = 0.05
"""Seconds between two lies."""
PAUSE: Final = 1.0
"""Seconds without pictures, after which they begin anew ..."""
REPLAY: Final = 2.5
"""... and so long afterwards all that came since the last keyframe is sent, whatever the budget."""


class Liar(asyncio.DatagramProtocol):
    """Joins and receives; `lie` makes the RTCP packets that it sends each 50 ms."""

    def __init__(self, lie: Callable[["Liar"], Iterator[bytes]]) -> None:
        self.numbers: list[int] = []
        """Transport-wide, of what came since the last lie."""
        self.packets: list[tuple[int, int]] = []
        """(SSRC, sequence number), likewise."""
        self.chance = random.Random(1)
        self.came: list[tuple[float, int]] = []
        """(when, bytes) of all media so far, but for replays."""
        self._picture_at = -math.inf
        self._settled_at = -math.inf
        self.connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.name = lie.__name__
        self._lie = lie
        self._transport_cc = 0
        self._signaling: Signaling | None = None
        self._handshake: Handshake | None = None
        self._sealer: Session | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def join(cls, url: str, room: str, lie: Callable[["Liar"], Iterator[bytes]]) -> Self:
        """One who is connected, and lies from now on."""
        self = cls(lie)
        signaling = self._signaling = await Signaling.open(url, self.name)
        await signaling.request("join", room=room, name=self.name, role="attendee")
        offer = await signaling.offer()
        self._transport_cc = read_format(offer)[3]
        certificate, ours, remote = (
            Certificate.generate(),
            Credentials.generate(),
            read_remote(offer),
        )
        answer = receive_answer(offer, ours, certificate.fingerprint)
        await signaling.request("answer", sdp=answer)
        self._handshake = Handshake(
            certificate, client=True, fingerprints=remote.fingerprints, now=time.monotonic()
        )
        to = (remote.host, remote.port)
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=to)
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{remote.credentials.ufrag}:{ours.ufrag}"
        request.attributes["PRIORITY"] = 1
        request.attributes["ICE-CONTROLLING"] = 1
        request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity(remote.credentials.pwd.encode())
        self._transport.sendto(bytes(request))
        await asyncio.wait_for(self.connected, 20)
        self._task = asyncio.create_task(self._go_on())
        return self

    async def leave(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._transport is not None:
            self._transport.close()
        if self._signaling is not None:
            await self._signaling.close()

    def fastest(self, span: float) -> float:
        """bit/s of so many seconds in which most came."""
        most = total = first = 0
        for when, size in self.came:
            total += size
            while self.came[first][0] <= when - span:
                total -= self.came[first][1]
                first += 1
            most = max(most, total)
        return 8.0 * most / span

    def datagram_received(self, data: bytes, _: object) -> None:
        kind = data[0]
        if kind < 4:
            self._send(self._handshake.start(time.monotonic()) if self._handshake else [])
        elif 20 <= kind <= 63 and self._handshake is not None:
            self._send(self._handshake.receive(data, time.monotonic()))
            keys = self._handshake.keys
            if keys is not None and not self.connected.done():
                policy = Policy(keys.send, Policy.SSRC_SPECIFIC, SSRC, PROFILES[keys.profile])
                self._sealer = Session(policy)
                self.connected.set_result(None)
        elif kind >= 128 and not 192 <= data[1] <= 223:
            now = time.monotonic()
            if data[1] & 127 == VP8.payload_type:
                if now - self._picture_at > PAUSE:
                    self._settled_at = now + REPLAY
                self._picture_at = now
            if now >= self._settled_at:
                self.came.append((now, len(data)))
            self._note(data)

    def _note(self, data: bytes) -> None:
        sequence, _, ssrc = struct.unpack_from("!HII", data, 2)
        self.packets.append((ssrc, sequence))
        at = 16  # one-byte header extensions (RFC 8285 §4.2): all that there is
        while at < len(data) and data[at]:
            id, size = data[at] >> 4, (data[at] & 15) + 1
            if id == self._transport_cc:
                self.numbers.append(int.from_bytes(data[at + 1 : at + 3], "big"))
                return
            at += 1 + size

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(EACH)
            for packet in self._lie(self):
                assert self._sealer is not None
                self._send([self._sealer.protect_rtcp(packet)])
            self.numbers.clear()
            self.packets.clear()

    def _send(self, datagrams: list[bytes]) -> None:
        for datagram in datagrams:
            assert self._transport is not None
            self._transport.sendto(datagram)


def feedback(base: int, deltas: list[int], reference: int, count: int) -> bytes:
    """Transport-wide: all packets from `base` on came, the n-th a delta of 250 us after the one
    before (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1)."""
    body = struct.pack("!IIHH", SSRC, 1, base & 0xFFFF, len(deltas))
    body += (reference & 0xFFFFFF).to_bytes(3, "big") + bytes([count & 0xFF])
    body += struct.pack(f"!H{len(deltas)}h", 2 << 13 | len(deltas), *deltas)
    body += bytes(-len(body) % 4)
    return struct.pack("!BBH", 0x8F, 205, len(body) // 4) + body


def nack(ssrc: int, sequence: int) -> bytes:
    """Asks for 17 packets from this number on (RFC 4585 §6.2.1)."""
    return struct.pack("!BBHIIHH", 0x81, 205, 3, SSRC, ssrc, sequence, 0xFFFF)


def remb(bitrate: int, ssrc: int) -> bytes:
    """A receiver's estimate (draft-alvestrand-rmcat-remb-03 §2.2)."""
    body = struct.pack("!II", SSRC, 0) + pack_remb_fci(bitrate, [ssrc])
    return struct.pack("!BBH", 0x8F, 206, len(body) // 4) + body
