from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from structlog.typing import EventDict

from sfu.config import Settings, load
from sfu.config.load import known_keys
from sfu.reload import Reload, changed, needs_restart
from sfu.tls import Tls
from tests.sfu.authority import Authority


class Server:
    """Keeps what it is given."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def configure(self, settings: Settings) -> None:
        self.settings = settings


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EventDict]]:
    """What is logged; the reload sets the process's log up anew, which is not wanted here."""
    lines: list[EventDict] = []

    def keep(_: object, method: str, event: EventDict) -> EventDict:
        lines.append({**event, "level": method})
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[keep])
    monkeypatch.setattr("sfu.logs.configure", lambda level, format: None)
    yield lines
    structlog.configure(**before)


OTHER = {
    "server.host": '"127.0.0.1"', "server.port": "1234", "server.drain_timeout": "1",
    "server.empty_timeout": "1", "server.trusted_proxies": '["10.0.0.1"]',
    "server.allowed_origins": '["https://a.example"]', "server.preflight": '"off"',
    "media.host": '"127.0.0.1"', "media.announced_addresses": '["10.0.0.1"]',
    "store.path": '"other"', "store.url": '"redis://other"',
    "room.video": '"hd"', "room.screen": '"hq"', "log.level": '"debug"', "log.format": '"json"',
    "tenants.a.secret": '"changed"', "tenants.a.webhook_url": '"http://a.example"',
    "tenants.a.webhook_secret": '"changed"',
    "tenants.a.max_participants": "7", "tenants.a.joins_per_second": "7",
    "turn.urls": '["stun:stun.example.com"]', "turn.secret": '"changed"',
    "limits.sdp_bytes": "4096", "limits.frame_bytes": "200000",
}  # fmt: skip
"""Another value than the default, as TOML, for keys that no number near the default fits."""


def settings(tmp_path: Path, key: str = "", value: str = "") -> Settings:
    """The defaults with a tenant, and another value at one key."""
    lines = {"tenants.a": ['secret = "kept-to-itself"']}
    if key:
        table, name = key.rsplit(".", 1)
        lines[table] = [each for each in lines.get(table, []) if not each.startswith(name + " ")]
        lines[table].append(f"{name} = {value}")
    path = tmp_path / "sfu.toml"
    path.write_text("\n".join(f"[{table}]\n" + "\n".join(each) for table, each in lines.items()))
    return load(path)


KEYS = [key.replace("<name>", "a") for key in known_keys()]
KEYS = [key for key in KEYS if key not in ("server.certificate", "server.key")]


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_taken_or_named(tmp_path: Path, log: list[EventDict], key: str) -> None:
    old = settings(tmp_path)
    path = tuple(key.split("."))
    table = old.tenants["a"] if path[0] == "tenants" else getattr(old, path[0])
    default = getattr(table, path[-1])
    value = OTHER.get(key)
    if value is None:
        value = str(default + 1) if isinstance(default, int) else "12.5"
    if isinstance(default, bool):
        value = str(not default).lower()
    new = settings(tmp_path, key, value)
    assert list(changed(old, new)) == [path]
    server = Server(old)
    Reload(server, None, lambda: new)()
    if needs_restart(path, old, new):
        assert server.settings == old
        assert [line["event"] for line in log] == ["settings reloaded", "settings need a restart"]
        assert log[-1]["keys"] == [key]
    else:
        assert server.settings == new
        assert [line["event"] for line in log] == ["settings reloaded"]
        assert log[-1]["changed"] == [key]
    assert "kept-to-itself" not in str(log)


def test_tenants_come_and_go(tmp_path: Path, log: list[EventDict]) -> None:
    server = Server(settings(tmp_path))
    (tmp_path / "sfu.toml").write_text('[tenants.b]\nsecret = "other"')
    Reload(server, None, lambda: load(tmp_path / "sfu.toml"))()
    assert list(server.settings.tenants) == ["b"]
    assert log[-1]["changed"] == ["tenants.a", "tenants.b"]


def test_bad_settings_change_nothing(tmp_path: Path, log: list[EventDict]) -> None:
    server = Server(settings(tmp_path))
    before = server.settings
    path = tmp_path / "sfu.toml"
    path.write_text("[room]\nmeeting = 0\n\n[server]\nprot = 1")
    Reload(server, None, lambda: load(path))()
    assert server.settings is before
    assert log == [
        {
            "event": "settings not reloaded",
            "level": "error",
            "problems": [
                f"{path}:2: room.meeting: 0 is not accepted: expected an integer from 1 to 100",
                f"{path}:5: server.prot: unknown key; did you mean server.port?",
            ],
        }
    ]


def test_a_certificate_that_cannot_be_used_changes_nothing(
    tmp_path: Path, log: list[EventDict]
) -> None:
    certificate, key = Authority().issue(tmp_path, "sfu.example")
    path = tmp_path / "sfu.toml"
    path.write_text(f'[server]\ncertificate = "{certificate}"\nkey = "{key}"')
    server = Server(load(path))
    reload = Reload(server, Tls(server.settings.server), lambda: load(path))
    path.write_text(path.read_text() + "\n[room]\npresenters = 9")
    certificate.write_text("rubbish")
    reload()
    assert server.settings.room.presenters == 4
    assert "server.certificate" in log[-1]["problems"][0]


def test_tls_is_not_switched_while_running(tmp_path: Path, log: list[EventDict]) -> None:
    server = Server(settings(tmp_path))
    certificate, key = Authority().issue(tmp_path, "sfu.example")
    path = tmp_path / "sfu.toml"
    path.write_text(
        f'[server]\ncertificate = "{certificate}"\nkey = "{key}"\n[tenants.a]\nsecret = "new"'
    )
    Reload(server, None, lambda: load(path))()
    assert server.settings.server.certificate == ""
    assert server.settings.tenants["a"].secret.get_secret_value() == "new"
    assert log[-1]["keys"] == ["server.certificate", "server.key"]
