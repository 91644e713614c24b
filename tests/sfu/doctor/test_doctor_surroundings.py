import datetime
from collections.abc import Callable
from pathlib import Path

import pytest

from sfu.config import Settings
from sfu.doctor import surroundings
from sfu.doctor.finding import Finding, Level
from tests.sfu.authority import DAY, Authority
from tests.sfu.doctor.test_doctor import settings
from tests.sfu.store.redis_server import RedisServer


def secure(certificate: Path, key: Path) -> Settings:
    return settings(SERVER__CERTIFICATE=str(certificate), SERVER__KEY=str(key))


def found(config: Settings) -> dict[str, Finding]:
    return {each.subject: each for each in surroundings.certificate(config)}


def test_no_certificate() -> None:
    assert found(settings())["certificate"].level is Level.GOOD


def test_a_certificate_of_a_private_authority(tmp_path: Path) -> None:
    findings = found(secure(*Authority().issue(tmp_path, "sfu.example", "media.example")))
    assert findings["certificate names"].detail == "sfu.example, media.example"
    assert findings["certificate time"].detail == "89 days left"
    assert findings["certificate time"].level is Level.GOOD
    assert findings["certificate chain"].level is Level.DOUBTFUL


def test_a_certificate_of_an_authority_that_the_host_trusts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority()
    (tmp_path / "root.pem").write_bytes(authority.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.pem"))
    finding = found(secure(*authority.issue(tmp_path, "sfu.example")))["certificate chain"]
    assert (finding.level, finding.detail) == (Level.GOOD, "leads to CN=Test authority")


@pytest.mark.parametrize(
    ("left", "level"), [(DAY * 3, Level.DOUBTFUL), (-DAY, Level.BAD), (DAY * 20, Level.GOOD)]
)
def test_the_end_of_a_certificate(tmp_path: Path, left: datetime.timedelta, level: Level) -> None:
    files = Authority().issue(tmp_path, "sfu.example", valid_for=left)
    finding = found(secure(*files))["certificate time"]
    assert finding.level is level
    assert ("reload" in finding.remedy) is (level is not Level.GOOD)


def another_key(folder: Path) -> None:
    (folder / "other").mkdir()
    _, other = Authority().issue(folder / "other", "sfu.example")
    (folder / "key.pem").write_bytes(other.read_bytes())


def rubbish(folder: Path) -> None:
    (folder / "certificate.pem").write_text("rubbish")


def gone(folder: Path) -> None:
    (folder / "certificate.pem").unlink()


@pytest.mark.parametrize(
    ("harm", "subject"),
    [(another_key, "server.key"), (rubbish, "server.certificate"), (gone, "server.certificate")],
)
def test_files_that_cannot_be_used(
    tmp_path: Path, harm: Callable[[Path], None], subject: str
) -> None:
    files = Authority().issue(tmp_path, "sfu.example")
    harm(tmp_path)
    (finding,) = found(secure(*files)).values()
    assert (finding.level, finding.subject) == (Level.BAD, subject)
    assert finding.remedy


def test_a_chain_in_the_wrong_order(tmp_path: Path) -> None:
    certificate, key = Authority().issue(tmp_path, "sfu.example")
    certificate.write_bytes(certificate.read_bytes() + Authority().pem)
    assert found(secure(certificate, key))["certificate chain"].level is Level.BAD


def test_clock() -> None:
    assert "20" in surroundings.clock().detail


def test_a_file_as_the_store(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    assert surroundings.store(settings(STORE__PATH=str(path))).level is Level.GOOD
    assert not path.exists()
    path.write_text("this is no database, though it is long enough to be looked at" * 10)
    assert surroundings.store(settings(STORE__PATH=str(path))).level is Level.BAD
    assert surroundings.store(settings(STORE__PATH="/proc/none/a.sqlite")).level is Level.BAD


def test_redis_as_the_store(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    server.start()
    config = settings(STORE__URL=server.url)
    try:
        assert surroundings.store(config).level is Level.GOOD
    finally:
        server.kill()
    finding = surroundings.store(config)
    assert finding.level is Level.BAD
    assert "store.url" in finding.remedy
