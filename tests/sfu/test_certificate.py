"""Our certificate on disk."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sfu.certificate import Certificate

OURS, THEIRS = Certificate.generate(), Certificate.generate()


def test_fingerprints_are_our_own() -> None:
    assert OURS.fingerprint != THEIRS.fingerprint
    algorithm, _, digits = OURS.fingerprint.partition(" ")
    assert algorithm == "sha-256"
    assert len(bytes.fromhex(digits.replace(":", ""))) == 32
    assert digits == digits.upper()


def test_contexts_are_made_once() -> None:
    assert OURS.context(client=True) is OURS.context(client=True)
    assert OURS.context(client=True) is not OURS.context(client=False)


def test_certificate_survives_dump_and_load() -> None:
    again = Certificate.load(OURS.dump())
    assert again.fingerprint == OURS.fingerprint
    assert again.dump() == OURS.dump()


def test_other_curves_are_refused() -> None:
    key = ec.generate_private_key(ec.SECP384R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with pytest.raises(ValueError, match="P-256"):
        Certificate.load(OURS.dump().split(b"-----BEGIN PRIVATE")[0] + key)


def test_a_certificate_with_another_key_is_refused() -> None:
    mixed = (
        OURS.dump().split(b"-----BEGIN PRIVATE")[0]
        + THEIRS.dump()[THEIRS.dump().index(b"-----BEGIN PRIVATE") :]
    )
    for text in (b"", b"nonsense", mixed):
        with pytest.raises(ValueError, match=r"PEM|does not belong"):
            Certificate.load(text)
