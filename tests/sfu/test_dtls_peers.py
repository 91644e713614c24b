"""DTLS handshakes against independent endpoints: OpenSSL and aiortc."""

import asyncio
import contextlib
from typing import Any

import pytest
from aiortc import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from sfu import dtls
from sfu.certificate import Certificate
from sfu.dtls import DtlsError, Handshake, State

OURS, THEIRS = Certificate.generate(), Certificate.generate()


def openssl_peer(client: bool, profiles: bytes | None, key: Any = None) -> SSL.Connection:
    """A plain OpenSSL endpoint, with an RSA certificate if a key is given."""
    context = SSL.Context(SSL.DTLS_METHOD)
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "peer")])
    certificate = x509.load_pem_x509_certificate(THEIRS.dump())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(certificate.not_valid_before_utc)
        .not_valid_after(certificate.not_valid_after_utc)
        .sign(key, hashes.SHA256())
    )
    context.use_privatekey(key)
    context.use_certificate(certificate)
    context.set_verify(SSL.VERIFY_PEER, lambda *_arguments: True)
    if profiles is not None:
        context.set_tlsext_use_srtp(profiles)
    peer = SSL.Connection(context, None)
    peer.set_ciphertext_mtu(1200)
    if client:
        peer.set_connect_state()
    else:
        peer.set_accept_state()
    return peer


def fingerprint_of(certificate: x509.Certificate) -> str:
    return "sha-256 " + certificate.fingerprint(hashes.SHA256()).hex(":")


def step(peer: SSL.Connection, datagrams: list[bytes]) -> list[bytes]:
    """Feeds an OpenSSL endpoint; what it wrote."""
    for datagram in datagrams or [b""]:
        if datagram:
            peer.bio_write(datagram)
        with contextlib.suppress(SSL.WantReadError):
            peer.do_handshake()
    try:
        return dtls._datagrams(peer.bio_read(65536))
    except SSL.WantReadError:
        return []


@pytest.mark.parametrize("client", [True, False])
@pytest.mark.parametrize(
    ("profiles", "chosen", "length"),
    [
        (b"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM", "AEAD_AES_128_GCM", 28),
        (b"SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80", "AES128_CM_HMAC_SHA1_80", 30),
    ],
)
def test_profile_and_keys_against_openssl(
    client: bool, profiles: bytes, chosen: str, length: int
) -> None:
    # As client the peer chooses: it has only one profile in common or its own order.
    if client and chosen == "AEAD_AES_128_GCM":
        profiles = b"SRTP_AEAD_AES_128_GCM"
    peer = openssl_peer(not client, profiles, rsa.generate_private_key(65537, 2048))
    certificate = peer.get_certificate(as_cryptography=True)
    assert certificate is not None
    ours = Handshake(OURS, client=client, fingerprints=[fingerprint_of(certificate)], now=0)
    run(ours, peer)
    assert ours.state is State.DONE
    assert ours.keys is not None
    assert ours.keys.profile == chosen
    assert len(ours.keys.send) == len(ours.keys.receive) == length
    material = peer.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * length)
    salt = length - 16
    of_client = material[:16] + material[32 : 32 + salt]
    of_server = material[16:32] + material[32 + salt :]
    expected = (of_client, of_server) if client else (of_server, of_client)
    assert (ours.keys.send, ours.keys.receive) == expected


def run(ours: Handshake, peer: SSL.Connection) -> None:
    """Runs a handshake with an OpenSSL endpoint to its end."""
    to_peer = ours.start(0)
    for _ in range(6):
        to_us = step(peer, to_peer)
        to_peer = [out for datagram in to_us for out in ours.receive(datagram, 0)]


@pytest.mark.parametrize("profiles", [None, b"SRTP_AEAD_AES_256_GCM"])
def test_without_a_common_profile_there_are_no_keys(profiles: bytes | None) -> None:
    peer = openssl_peer(True, profiles)
    certificate = peer.get_certificate(as_cryptography=True)
    assert certificate is not None
    ours = Handshake(OURS, client=False, fingerprints=[fingerprint_of(certificate)], now=0)
    with pytest.raises(DtlsError, match="no SRTP profile"):
        run(ours, peer)
    assert ours.keys is None


def test_a_client_without_certificate_is_refused() -> None:
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_tlsext_use_srtp(b"SRTP_AEAD_AES_128_GCM")
    peer = SSL.Connection(context, None)
    peer.set_ciphertext_mtu(1200)
    peer.set_connect_state()
    ours = Handshake(OURS, client=False, fingerprints=[THEIRS.fingerprint], now=0)
    with pytest.raises(DtlsError, match="certificate"):
        run(ours, peer)
    assert ours.pending()


class Path:
    """What aiortc's transport needs of ICE: a way to send and to receive."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.state = "completed"
        self.to_aiortc: asyncio.Queue[bytes] = asyncio.Queue()
        self.from_aiortc: asyncio.Queue[bytes] = asyncio.Queue()

    async def _recv(self) -> bytes:
        return await self.to_aiortc.get()

    async def _send(self, data: bytes) -> None:
        self.from_aiortc.put_nowait(data)


@pytest.mark.parametrize("client", [True, False])
async def test_against_aiortc(client: bool) -> None:
    path = Path("controlling" if client else "controlled")
    certificate = RTCCertificate.generateCertificate()
    theirs = RTCDtlsTransport(path, [certificate])  # type: ignore[arg-type]
    theirs._set_role("server" if client else "client")
    fingerprints = [f"{f.algorithm} {f.value}" for f in certificate.getFingerprints()]
    ours = Handshake(OURS, client=client, fingerprints=fingerprints, now=0)
    algorithm, _, value = OURS.fingerprint.partition(" ")
    parameters = RTCDtlsParameters([RTCDtlsFingerprint(algorithm, value)])
    started = asyncio.create_task(theirs.start(parameters))
    for datagram in ours.start(0):
        path.to_aiortc.put_nowait(datagram)
    async with asyncio.timeout(10):
        while ours.state is not State.DONE:
            for datagram in ours.receive(await path.from_aiortc.get(), 0):
                path.to_aiortc.put_nowait(datagram)
        await started
        assert theirs.state == "connected"
        closed = asyncio.Event()
        theirs.on("statechange", closed.set)
        for datagram in ours.close():
            path.to_aiortc.put_nowait(datagram)
        await closed.wait()
    await theirs.stop()
