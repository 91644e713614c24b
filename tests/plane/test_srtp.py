"""Our SRTP against libsrtp, through the example program that puts ours on text lines."""

import struct
import subprocess
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pylibsrtp import Error, Policy, Session

from tests.plane.example import example

SSRC = 0xDECAFBAD
KEY = bytes(range(16))
PROFILES = {
    "AEAD_AES_128_GCM": (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, bytes(range(100, 112))),
    "AES128_CM_HMAC_SHA1_80": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, bytes(range(100, 114))),
}
# Indices as they arrive: two rollovers, one packet late across the first.
ARRIVING = [0x7F00, 0xC000, 0xFFFD, 0xFFFF, 0x10000, 0xFFFE, 0x10002]
ARRIVING += [0x16000, 0x1C000, 0x1FFFF, 0x20001]


class Ours:
    """One pair of contexts; results are bytes, errors their names."""

    def __init__(self, process: subprocess.Popen[str], profile: str, key: bytes, salt: bytes):
        self.process = process
        assert self._ask("keys", profile, key.hex(), salt.hex()) == "ok"

    def _ask(self, *words: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def seal_rtp(self, packet: bytes, rollover: int) -> bytes:
        return bytes.fromhex(self._ask("seal-rtp", packet.hex(), str(rollover)))

    def seal_rtcp(self, packet: bytes) -> bytes:
        return bytes.fromhex(self._ask("seal-rtcp", packet.hex()))

    def open_rtp(self, packet: bytes) -> bytes | str:
        return self._opened(self._ask("open-rtp", packet.hex()))

    def open_rtcp(self, packet: bytes) -> bytes | str:
        return self._opened(self._ask("open-rtcp", packet.hex()))

    @staticmethod
    def _opened(answer: str) -> bytes | str:
        errors = {"Malformed", "AuthFailed", "Replayed", "TooManySsrcs"}
        return answer if answer in errors else bytes.fromhex(answer)


@pytest.fixture(scope="module")
def process() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [example("srtp")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(5) == 0


@pytest.fixture(params=PROFILES)
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def both(process: subprocess.Popen[str], profile: str) -> tuple[Ours, Session, Session]:
    """Ours, libsrtp to send to us and libsrtp to receive from us, all under one key."""
    number, salt = PROFILES[profile]

    def session(kind: int) -> Session:
        return Session(Policy(key=KEY + salt, ssrc_type=kind, srtp_profile=number))

    theirs = session(Policy.SSRC_ANY_OUTBOUND), session(Policy.SSRC_ANY_INBOUND)
    return Ours(process, profile, KEY, salt), *theirs


def rtp(sequence: int, payload: bytes, ssrc: int = SSRC, extension: bytes = b"") -> bytes:
    flags = 0x90 if extension else 0x80
    header = struct.pack("!BBHII", flags, 96, sequence & 0xFFFF, 1234, ssrc)
    if extension:
        assert len(extension) % 4 == 0
        header += struct.pack("!HH", 0xBEDE, len(extension) // 4) + extension
    return header + payload


def receiver_report(ssrc: int = SSRC) -> bytes:
    return struct.pack("!BBHI", 0x81, 201, 7, ssrc) + bytes(range(24))


def test_what_we_seal_libsrtp_opens_across_a_rollover(
    process: subprocess.Popen[str], profile: str
) -> None:
    ours, _, receiver = both(process, profile)
    for index in ARRIVING:
        packet = rtp(index, b"payload %d" % index)
        assert receiver.unprotect(ours.seal_rtp(packet, index >> 16)) == packet


def test_what_libsrtp_seals_we_open_across_a_rollover(
    process: subprocess.Popen[str], profile: str
) -> None:
    ours, sender, _ = both(process, profile)
    sealed = {
        index: sender.protect(rtp(index, b"payload %d" % index)) for index in sorted(ARRIVING)
    }
    for index in ARRIVING:
        assert ours.open_rtp(sealed[index]) == rtp(index, b"payload %d" % index)


def test_both_seal_to_the_same_bytes(process: subprocess.Popen[str], profile: str) -> None:
    ours, sender, _ = both(process, profile)
    packet = rtp(7, b"x" * 1100, extension=b"\x10\xff\x00\x00" * 3)
    assert ours.seal_rtp(packet, 0) == sender.protect(packet)
    for _ in range(3):
        assert ours.seal_rtcp(receiver_report()) == sender.protect_rtcp(receiver_report())


def test_control_packets_go_both_ways_once(process: subprocess.Popen[str], profile: str) -> None:
    ours, sender, receiver = both(process, profile)
    for _ in range(5):
        sealed = ours.seal_rtcp(receiver_report())
        assert receiver.unprotect_rtcp(sealed) == receiver_report()
        with pytest.raises(Error, match="replay"):
            receiver.unprotect_rtcp(sealed)
        sealed = sender.protect_rtcp(receiver_report())
        assert ours.open_rtcp(sealed) == receiver_report()
        assert ours.open_rtcp(sealed) == "Replayed"


def test_a_replay_is_refused(process: subprocess.Popen[str], profile: str) -> None:
    ours, sender, _ = both(process, profile)
    sealed = [sender.protect(rtp(sequence, b"once")) for sequence in range(200)]
    assert ours.open_rtp(sealed[199]) == rtp(199, b"once")
    assert ours.open_rtp(sealed[199]) == "Replayed"
    assert ours.open_rtp(sealed[72]) == rtp(72, b"once")
    assert ours.open_rtp(sealed[72]) == "Replayed"
    assert ours.open_rtp(sealed[71]) == "Replayed", "too old to tell"


def test_streams_have_their_own_rollover(process: subprocess.Popen[str], profile: str) -> None:
    ours, sender, _ = both(process, profile)
    for index in range(0xFF00, 0x10100, 64):
        for ssrc, offset in [(1, 0), (2, 0x4000), (3, -0x8000)]:
            packet = rtp(index + offset, b"payload", ssrc)
            assert ours.open_rtp(sender.protect(packet)) == packet


def test_tampering_is_noticed_at_every_byte(process: subprocess.Popen[str], profile: str) -> None:
    ours, sender, _ = both(process, profile)
    sealed = sender.protect(rtp(1, b"payload", extension=b"\x10\xff\x00\x00"))
    for at in range(1, len(sealed)):
        tampered = bytearray(sealed)
        tampered[at] ^= 0x40
        assert ours.open_rtp(bytes(tampered)) in {"AuthFailed", "Malformed"}, at
    assert ours.open_rtp(sealed) == rtp(1, b"payload", extension=b"\x10\xff\x00\x00")

    control = sender.protect_rtcp(receiver_report())
    for at in range(len(control)):
        tampered = bytearray(control)
        tampered[at] ^= 0x80
        assert ours.open_rtcp(bytes(tampered)) in {"AuthFailed", "Malformed"}, at
    assert ours.open_rtcp(control) == receiver_report()


def test_cut_off_packets_are_refused(process: subprocess.Popen[str], profile: str) -> None:
    ours, sender, _ = both(process, profile)
    sealed = sender.protect(rtp(1, b"payload"))
    control = sender.protect_rtcp(receiver_report())
    for length in range(1, len(sealed)):
        assert ours.open_rtp(sealed[:length]) in {"AuthFailed", "Malformed"}
    for length in range(1, len(control)):
        assert ours.open_rtcp(control[:length]) in {"AuthFailed", "Malformed"}


@given(
    payload=st.binary(max_size=1400),
    words=st.integers(0, 20),
    sequence=st.integers(0, 0x7FFF),
    ssrc=st.integers(0, 2**32 - 1),
)
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_packet_goes_both_ways(
    process: subprocess.Popen[str],
    profile: str,
    payload: bytes,
    words: int,
    sequence: int,
    ssrc: int,
) -> None:
    ours, sender, receiver = both(process, profile)
    packet = rtp(sequence, payload, ssrc, b"\x10\xff\x00\x00" * words)
    assert receiver.unprotect(ours.seal_rtp(packet, 0)) == packet
    assert ours.open_rtp(sender.protect(packet)) == packet
