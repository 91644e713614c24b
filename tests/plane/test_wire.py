"""What the plane builds, read by aioice and aiortc."""

import struct
import subprocess

import pytest
from aioice import stun
from aiortc import rtp

from tests.plane.example import example

KEY = b"a-password-of-22-chars"


@pytest.fixture(scope="module")
def built() -> list[tuple[str, bytes]]:
    """Name and bytes of each message, in order."""
    done = subprocess.run([example("wire")], check=True, capture_output=True, text=True)
    lines = [line.split() for line in done.stdout.splitlines()]
    return [(name, bytes.fromhex(text)) for name, text in lines]


def messages(built: list[tuple[str, bytes]], name: str) -> list[stun.Message]:
    found = [stun.parse_message(data) for kind, data in built if kind == name]
    assert all(message.check_message_integrity(KEY) for message in found)
    return found


def test_answers_name_the_address(built: list[tuple[str, bytes]]) -> None:
    found = [
        message.attributes["XOR-MAPPED-ADDRESS"] for message in messages(built, "stun-success")
    ]
    assert found == [("192.0.2.1", 32853), ("2001:db8::1", 4000)]


def test_refusals_name_the_code(built: list[tuple[str, bytes]]) -> None:
    (message,) = messages(built, "stun-error")
    assert message.message_class is stun.Class.ERROR
    assert message.attributes["ERROR-CODE"] == (487, "Role Conflict")


def test_checks_carry_their_role(built: list[tuple[str, bytes]]) -> None:
    (message,) = messages(built, "stun-request")
    assert message.attributes["USERNAME"] == "a:b"
    assert message.attributes["ICE-CONTROLLING"] == 0x1122334455667788
    assert "USE-CANDIDATE" in message.attributes


def test_a_wrong_key_is_noticed(built: list[tuple[str, bytes]]) -> None:
    message = stun.parse_message(dict(built)["stun-request"])
    assert not message.check_message_integrity(b"another")


def test_a_compound_reads_as_it_was_meant(built: list[tuple[str, bytes]]) -> None:
    block = rtp.RtcpReceiverInfo(
        ssrc=7, fraction_lost=64, packets_lost=-3, highest_sequence=70_000, jitter=5, lsr=6, dlsr=8
    )
    info = rtp.RtcpSenderInfo(
        ntp_timestamp=0x0102030405060708, rtp_timestamp=9, packet_count=10, octet_count=11
    )
    remb = rtp.pack_remb_fci(1_500_000, [21, 22])
    assert rtp.RtcpPacket.parse(dict(built)["rtcp"]) == [
        rtp.RtcpSrPacket(ssrc=1, sender_info=info, reports=[block]),
        rtp.RtcpRrPacket(ssrc=2, reports=[block]),
        rtp.RtcpSdesPacket(chunks=[rtp.RtcpSourceInfo(ssrc=1, items=[(1, b"a-name")])]),
        rtp.RtcpRtpfbPacket(
            fmt=rtp.RTCP_RTPFB_NACK, ssrc=3, media_ssrc=4, lost=[100, 101, 116, 200]
        ),
        rtp.RtcpPsfbPacket(fmt=rtp.RTCP_PSFB_PLI, ssrc=5, media_ssrc=6),
        rtp.RtcpPsfbPacket(fmt=rtp.RTCP_PSFB_APP, ssrc=5, media_ssrc=0, fci=remb),
        rtp.RtcpByePacket(sources=[1, 2]),
    ]


def chunk_symbols(chunk: int) -> list[int]:
    """Symbols of a packet chunk (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1.2)."""
    if chunk >> 15 == 0:
        return [chunk >> 13] * (chunk & 0x1FFF)
    if chunk >> 14 == 2:
        return [chunk >> shift & 1 for shift in range(13, -1, -1)]
    return [chunk >> shift & 3 for shift in range(12, -1, -2)]


def arrivals(packet: bytes) -> dict[int, int | None]:
    """Arrival in microseconds of each number that the feedback tells of, by the draft's letter."""
    base, count = struct.unpack_from("!HH", packet, 12)
    time_us = int.from_bytes(packet[16:19], "big", signed=True) * 64_000
    at, symbols = 20, list[int]()
    while len(symbols) < count:
        symbols += chunk_symbols(int.from_bytes(packet[at : at + 2], "big"))
        at += 2
    found: dict[int, int | None] = {}
    for place, symbol in enumerate(symbols[:count]):
        delta = int.from_bytes(packet[at : at + symbol], "big", signed=symbol == 2)
        at += symbol
        time_us += delta * 250
        found[(base + place) % 65_536] = time_us if symbol else None
    assert not any(packet[at:])
    assert len(packet) == (at + 3) // 4 * 4
    return found


def test_feedback_names_what_came_and_when(built: list[tuple[str, bytes]]) -> None:
    packet = dict(built)["feedback"]
    assert packet[:2] == bytes([0x8F, 205])
    assert struct.unpack_from("!HLL", packet, 2) == (len(packet) // 4 - 1, 1, 2)
    came = {65_534: 1_000_000, 65_535: 1_001_000, 1: 1_004_250, 2: 1_003_000, 4: 1_005_000}
    came |= {104: 2_005_000, 105: 2_005_250}
    told = arrivals(packet)
    assert list(told) == [65_534, 65_535, *range(106)]
    assert {number: time for number, time in told.items() if time is not None} == came
