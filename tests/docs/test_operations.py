"""docs/operations.md: its settings are settings, its commands for an authority make one, its files
are there."""

import asyncio
import re
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from sfu.config import ConfigError, load
from sfu.doctor.finding import Level
from sfu.doctor.surroundings import certificate
from sfu.store.sqlite import SqliteStore
from sfu.store.writes import SaveBan
from sfu.tls import Tls

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_an_authority_of_ones_own(tmp_path: Path) -> None:
    commands = next(block for block in blocks("sh") if "openssl" in block)
    subprocess.run(["sh", "-ec", commands], cwd=tmp_path, check=True, capture_output=True)
    paths = {"CERTIFICATE": f"{tmp_path}/certificate.pem", "KEY": f"{tmp_path}/key.pem"}
    settings = load(None, {f"SFU_SERVER__{name}": path for name, path in paths.items()})
    Tls(settings.server)
    levels = {each.subject: each.level for each in certificate(settings)}
    assert levels["certificate names"] is levels["certificate time"] is Level.GOOD
    verified = subprocess.run(
        ["openssl", "verify", "-CAfile", "ca.pem", "certificate.pem"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert verified.returncode == 0, verified.stderr


def test_its_settings_are_settings(tmp_path: Path) -> None:
    text, behind_a_proxy = blocks("toml")
    (tmp_path / "sfu.toml").write_text(text)
    with pytest.raises(ConfigError, match="of your own"):
        load(tmp_path / "sfu.toml")  # nobody's server has the secret of the page
    (tmp_path / "sfu.toml").write_text(text.replace("…", "a secret"))
    settings = load(tmp_path / "sfu.toml")
    assert settings.server.certificate
    assert list(settings.tenants) == ["acme"]
    (tmp_path / "sfu.toml").write_text(behind_a_proxy)
    assert load(tmp_path / "sfu.toml").server.trusted_proxies == ("127.0.0.1/32",)


async def test_a_backup_is_gone_back_to(tmp_path: Path) -> None:
    (commands,) = re.findall(r"To go back to it:\n\n((?:    .*\n)+)", PAGE)
    lines = [line.removeprefix("    # ") for line in commands.splitlines()[1:-1]]
    back = "\n".join(lines).replace("/var/lib/sfu", str(tmp_path)).replace("-o sfu -g sfu ", "")
    file = tmp_path / "sfu.sqlite"
    store = SqliteStore(file)
    await store.open()
    await store.commit([SaveBan("acme", "hall", "eve", 1.0)])
    with (
        closing(sqlite3.connect(file)) as kept,
        closing(sqlite3.connect(tmp_path / "sfu.bak")) as copy,
    ):
        kept.backup(copy)  # as .backup does
    await store.commit([SaveBan("acme", "hall", "mallory", 2.0)])
    await store.close()
    await asyncio.to_thread(subprocess.run, ["sh", "-ec", back], check=True)
    store = SqliteStore(file)
    await store.open()
    assert await store.bans("acme", "hall") == {"eve"}
    await store.close()


def test_its_files_are_there() -> None:
    named = set(re.findall(r"(?<!hooks/)\b(deploy/[\w./-]+\w)", PAGE))
    named |= set(re.findall(r"\]\((\S+?\.md)\)", PAGE))
    assert len(named) >= 5
    for name in named:
        assert (ROOT / name).exists() or (ROOT / "docs" / name).exists(), name
