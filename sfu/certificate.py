"""Our certificate: self-signed, known to peers by its fingerprint alone (RFC 8827 §6.5)."""

import datetime
import functools

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

_CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
    b":ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
    b":ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
)
_PROFILES = b"SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80"
_DTLS_1_2 = 0xFEFD  # pyOpenSSL has no name for it


class Certificate:
    """Our ECDSA P-256 certificate, one for all transports of a process."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._certificate = certificate
        self._contexts: dict[bool, SSL.Context] = {}

    @classmethod
    def generate(cls) -> "Certificate":
        """A fresh one."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sfu")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.datetime(2000, 1, 1))
            # RFC 5280 §4.1.2.5: the value for "no well-defined expiration".
            .not_valid_after(datetime.datetime(9999, 12, 31, 23, 59, 59))
            .sign(key, hashes.SHA256())
        )
        return cls(key, certificate)

    @classmethod
    def load(cls, pem: bytes) -> "Certificate":
        """From PEM text that holds the certificate and its key; ValueError if it does not."""
        certificate = x509.load_pem_x509_certificate(pem)
        key = serialization.load_pem_private_key(pem, password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
            raise ValueError("the private key is not ECDSA P-256")
        if key.public_key() != certificate.public_key():
            raise ValueError("the private key does not belong to the certificate")
        return cls(key, certificate)

    def dump(self) -> bytes:
        """PEM text for `load`: the certificate, then the private key."""
        return self._certificate.public_bytes(serialization.Encoding.PEM) + self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    @functools.cached_property
    def fingerprint(self) -> str:
        """As in SDP: "sha-256 AB:CD:…"."""
        digest = self._certificate.fingerprint(hashes.SHA256())
        return f"sha-256 {digest.hex(':').upper()}"

    def context(self, *, client: bool) -> SSL.Context:
        """The OpenSSL context of a role: made once, for making one costs as much as a handshake."""
        if client not in self._contexts:
            self._contexts[client] = self._make_context(client=client)
        return self._contexts[client]

    def _make_context(self, *, client: bool) -> SSL.Context:
        context = SSL.Context(SSL.DTLS_CLIENT_METHOD if client else SSL.DTLS_SERVER_METHOD)
        context.set_min_proto_version(_DTLS_1_2)
        context.set_max_proto_version(_DTLS_1_2)
        context.set_options(
            SSL.OP_NO_QUERY_MTU
            | SSL.OP_NO_RENEGOTIATION
            | SSL.OP_NO_TICKET
            | SSL.OP_SINGLE_ECDH_USE
        )
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_cipher_list(_CIPHERS)
        context.set_tlsext_use_srtp(_PROFILES)
        context.use_privatekey(self._key)
        context.use_certificate(self._certificate)
        # Both sides must show a certificate; whose it is, the fingerprint decides when it is done.
        context.set_verify(
            SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_arguments: True
        )
        return context
