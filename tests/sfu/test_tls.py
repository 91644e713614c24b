import ssl
from pathlib import Path

import pytest

from sfu.config import ConfigError, ServerSettings
from sfu.tls import Tls
from tests.sfu.authority import Authority


def settings(certificate: Path, key: Path) -> ServerSettings:
    return ServerSettings(certificate=str(certificate), key=str(key))


def shown(tls: Tls, authority: Authority, name: str = "sfu.example") -> int:
    """The serial number of the certificate in a handshake."""
    trust = ssl.create_default_context(cadata=authority.pem.decode())
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trust.wrap_bio(to_client, to_server, server_hostname=name)
    server = tls.context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(3):
        for end in (client, server):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    certificate = client.getpeercert()
    assert certificate is not None
    return int(str(certificate["serialNumber"]), 16)


def test_a_certificate_that_was_renewed(tmp_path: Path) -> None:
    authority = Authority()
    files = settings(*authority.issue(tmp_path, "sfu.example"))
    tls = Tls(files)
    first = shown(tls, authority)
    authority.issue(tmp_path, "sfu.example")
    assert shown(tls, authority) == first
    tls.load(files)
    assert shown(tls, authority) != first


def test_files_that_cannot_be_used_change_nothing(tmp_path: Path) -> None:
    authority = Authority()
    certificate, key = authority.issue(tmp_path, "sfu.example")
    tls = Tls(settings(certificate, key))
    first = shown(tls, authority)
    (tmp_path / "other").mkdir()
    _, other = authority.issue(tmp_path / "other", "sfu.example")
    (tmp_path / "locked").mkdir()
    locked, locked_key = authority.issue(tmp_path / "locked", "sfu.example", password=b"pw")
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("no certificate")
    for files, problem in (
        ((certificate, other), f"{other}: server.key: is not the certificate's key"),
        ((rubbish, key), f"{rubbish}: server.certificate: is not a certificate in PEM form"),
        ((certificate, tmp_path / "none"), f"{tmp_path}/none: server.key: cannot be read"),
        ((locked, locked_key), f"{locked_key}: server.key: is encrypted; it must not be"),
    ):
        with pytest.raises(ConfigError) as refused:
            tls.load(settings(*files))
        assert str(refused.value).startswith(problem)
        assert shown(tls, authority) == first


def test_old_versions_are_not_spoken(tmp_path: Path) -> None:
    tls = Tls(settings(*Authority().issue(tmp_path, "sfu.example")))
    assert tls.context.minimum_version is ssl.TLSVersion.TLSv1_2
