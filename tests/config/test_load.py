from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sfu.config import DEV_SECRET, ConfigError, Settings, load
from sfu.config.load import known_keys

GOOD = """
[server]
port = 8000
drain_timeout = "30s"
empty_timeout = 60

[media]
announced_addresses = ["192.0.2.7", "2001:DB8::7"]

[tenants.acme]
secret = "of acme"
parallel_events = "unlimited"
webhook_url = "http://127.0.0.1:9000/hook"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "sfu.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(folder: Path, text: str, **environ: str) -> list[str]:
    """The findings, without the folder's name."""
    with pytest.raises(ConfigError) as caught:
        load(written(folder, text), environ)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def test_defaults() -> None:
    settings = load(None, {})
    assert settings == Settings()
    assert settings.server.port == 7800
    assert settings.media.udp_port == 7801
    assert settings.server.empty_timeout is None
    assert settings.tenants == {}


def test_a_file(tmp_path: Path) -> None:
    settings = load(written(tmp_path, GOOD), {})
    assert settings.server.port == 8000
    assert settings.server.drain_timeout == 30.0
    assert settings.server.empty_timeout == 60.0
    assert settings.media.announced_addresses == ("192.0.2.7", "2001:db8::7")
    acme = settings.tenants["acme"]
    assert acme.secret.get_secret_value() == "of acme"
    assert acme.parallel_events is None
    assert acme.max_rooms == 1000


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Settings().server.port = 1


def test_the_environment_wins(tmp_path: Path) -> None:
    environ = {
        "SFU_SERVER__PORT": "8001",
        "SFU_SERVER__EMPTY_TIMEOUT": "never",
        "SFU_MEDIA__ANNOUNCED_ADDRESSES": "192.0.2.8, 192.0.2.9",
        "SFU_SERVER__TRUSTED_PROXIES": '["10.0.0.0/8"]',
        "SFU_TENANTS__ACME__SECRET": "another",
        "SFU_TENANTS__ACME__PARALLEL_EVENTS": "3",
        "SFU_TENANTS__BETA__SECRET": "of beta",
        "SFU_ROOM__VIDEO": "hd",
        "SFU_HOME": "is not a setting",
        "OTHER__THING": "neither",
    }
    settings = load(written(tmp_path, GOOD), environ)
    assert settings.server.port == 8001
    assert settings.server.empty_timeout is None
    assert settings.media.announced_addresses == ("192.0.2.8", "192.0.2.9")
    assert settings.server.trusted_proxies == ("10.0.0.0/8",)
    assert settings.tenants["acme"].secret.get_secret_value() == "another"
    assert settings.tenants["acme"].parallel_events == 3
    assert settings.tenants["beta"].secret.get_secret_value() == "of beta"
    assert settings.room.video == "hd"


def test_variables_reach_tenants_whose_names_they_cannot_hold(tmp_path: Path) -> None:
    text = '[tenants.big-co]\nsecret = "1"\n[tenants."c.d"]\nsecret = "2"\n'
    environ = {"SFU_TENANTS__BIG_CO__SECRET": "3", "SFU_TENANTS__C_D__SECRET": "4"}
    settings = load(written(tmp_path, text), environ)
    secrets = {name: each.secret.get_secret_value() for name, each in settings.tenants.items()}
    assert secrets == {"big-co": "3", "c.d": "4"}


def test_dev(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD + '[tenants.dev]\nsecret = "not this one"\n')
    settings = load(path, {}, dev=True)
    assert settings.server.host == "127.0.0.1"
    assert settings.room.video == "hd"
    dev = settings.tenants["dev"]
    assert dev.secret.get_secret_value() == DEV_SECRET == "dev-secret-do-not-use-in-production"
    assert dev.parallel_events is None
    assert settings.server.port == 8000
    assert "acme" in settings.tenants


def test_dev_is_loopback_unless_the_environment_says_otherwise(tmp_path: Path) -> None:
    path = written(tmp_path, '[server]\nhost = "0.0.0.0"\n')
    assert load(path, {}, dev=True).server.host == "127.0.0.1"
    assert load(path, {"SFU_SERVER__HOST": "::1"}, dev=True).server.host == "::1"


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (
            '[server]\nport = "7800"',
            'sfu.toml:2: server.port: "7800" is not accepted: expected an integer from 0 to 65535',
        ),
        (
            "[server]\n\nport = 70000",
            "sfu.toml:3: server.port: 70000 is not accepted: expected an integer from 0 to 65535",
        ),
        (
            "[server]\nport = true",
            "sfu.toml:2: server.port: true is not accepted: expected an integer from 0 to 65535",
        ),
        ("[server]\nprot = 1", "sfu.toml:2: server.prot: unknown key; did you mean server.port?"),
        (
            "[server]\nudp_port = 1",
            "sfu.toml:2: server.udp_port: unknown key; did you mean media.udp_port?",
        ),
        (
            "[log]\nzzz = 1",
            "sfu.toml:2: log.zzz: unknown key; known here: level, format",
        ),
        ("[sever]", "sfu.toml:1: sever: unknown key; did you mean server?"),
        (
            '["a(b"]',
            "sfu.toml:1: a(b: unknown key; known here: server, "
            + ", ".join(list(Settings.model_fields)[1:]),
        ),
        ("server = 3", "sfu.toml:1: server: 3 is not accepted: expected a table"),
        (
            "[room]\nmeeting = 60",
            "sfu.toml:1: room: presenters and meeting are more than 62 together, which is all that "
            "can be shown",
        ),
        (
            '[room]\nvideo = "4k"',
            'sfu.toml:2: room.video: "4k" is not accepted: expected one of "sd", "hd"',
        ),
        (
            '[server]\ndrain_timeout = "soon"',
            'sfu.toml:2: server.drain_timeout: "soon" is not accepted: expected seconds as a '
            'number, or a text such as "500ms", "30s", "10m", "1h"',
        ),
        (
            '[server]\nempty_timeout = "often"',
            'sfu.toml:2: server.empty_timeout: "often" is not accepted: expected "never", or '
            'seconds as a number, or a text such as "500ms", "30s", "10m", "1h"',
        ),
        (
            '[media]\nannounced_addresses = [\n"192.0.2.7",\n"here"]',
            'sfu.toml:2: media.announced_addresses[1]: "here" is not accepted: expected an IPv4 '
            "or IPv6 address",
        ),
        (
            '[media]\nannounced_addresses = "192.0.2.7"',
            'sfu.toml:2: media.announced_addresses: "192.0.2.7" is not accepted: expected a list, '
            "each an IPv4 or IPv6 address",
        ),
        (
            "[media]\nudp_port = 65530\nworkers = 16",
            "sfu.toml:1: media: udp_port 65530 with 16 workers goes beyond port 65535",
        ),
        (
            "[limits]\nframe_bytes = 8192",
            "sfu.toml:1: limits: sdp_bytes is larger than frame_bytes, "
            "so it could never be reached",
        ),
        ("[tenants.acme]", "sfu.toml:1: tenants.acme.secret: is missing"),
        (
            '[tenants.acme]\nsecret = "…"',
            "sfu.toml:2: tenants.acme.secret: the value is not accepted: expected a text of your "
            "own, such as openssl rand -hex 32 gives",
        ),
        (
            "[tenants.acme]\nsecret = 12345",
            "sfu.toml:2: tenants.acme.secret: the value is not accepted: expected a text of your "
            "own, such as openssl rand -hex 32 gives",
        ),
        (
            '[tenants.Acme]\nsecret = "x"',
            "sfu.toml:1: tenants.Acme: is no tenant name: lower-case letters, digits, and single "
            ". _ - between them",
        ),
        (
            '[tenants.acme]\nsecret = "x"\nparallel_events = 0',
            'sfu.toml:3: tenants.acme.parallel_events: 0 is not accepted: expected "unlimited", '
            "or an integer of 1 or more",
        ),
        (
            '[tenants.acme]\nsecret = "x"\nwebhook_url = "ftp://host"',
            'sfu.toml:3: tenants.acme.webhook_url: "ftp://host" is not accepted: expected an '
            'http:// or https:// URL, or ""',
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, finding: str, tmp_path: Path) -> None:
    assert refused(tmp_path, text) == [finding]


def test_all_findings_come_together_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = '[room]\nvideo = "4k"\n[server]\nport = -1\nhots = "x"\n'
    assert [line.split(": ")[1] for line in refused(tmp_path, text)] == [
        "room.video",
        "server.port",
        "server.hots",
    ]


@pytest.mark.parametrize(
    ("variable", "value", "finding"),
    [
        (
            "SFU_SERVER__PORT",
            "http",
            'SFU_SERVER__PORT: server.port: "http" is not accepted: expected an integer from 0 to '
            "65535",
        ),
        (
            "SFU_SERVER__PROT",
            "1",
            "SFU_SERVER__PROT: no such setting; did you mean SFU_SERVER__PORT?",
        ),
        ("SFU_SERVER__A__B", "1", "SFU_SERVER__A__B: no such setting"),
        ("SFU_TENANTS__ACME", "1", "SFU_TENANTS__ACME: no such setting"),
        ("SFU___", "1", "SFU___: no such setting"),
        ("SFU_A(B__TENANTS", "1", "SFU_A(B__TENANTS: no such setting"),
        ("SFU_X__TENANTS", "1", "SFU_X__TENANTS: no such setting"),
        (
            "SFU_MEDIA__ANNOUNCED_ADDRESSES",
            "192.0.2.7,here",
            'SFU_MEDIA__ANNOUNCED_ADDRESSES: media.announced_addresses[1]: "here" is not '
            "accepted: expected an IPv4 or IPv6 address",
        ),
        (
            "SFU_TENANTS__BETA__SECRET",
            "",
            "SFU_TENANTS__BETA__SECRET: tenants.beta.secret: the value is not accepted: expected "
            "a text of your own, such as openssl rand -hex 32 gives",
        ),
    ],
)
def test_bad_variables_are_named(variable: str, value: str, finding: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, {variable: value})
    assert str(caught.value).startswith(finding)
    assert len(caught.value.problems) == 1


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml: cannot be read: No such file"):
        load(tmp_path / "absent.toml", {})
    (tmp_path / "latin.toml").write_bytes(b"# \xe4\n")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load(tmp_path / "latin.toml", {})
    with pytest.raises(ConfigError, match=r"is not valid TOML: .*line 1"):
        load(written(tmp_path, "[server\n"), {})


@pytest.mark.parametrize(
    "text",
    [
        "[server]\nport = " + "9" * 5000,
        "[server]\ndrain_timeout = 0x" + "f" * 5000,
        "[server]\nallowed_origins = " + "[" * 5000,
    ],
)
def test_what_is_far_too_long_or_deep_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "sfu.toml"
    path.write_text(text)
    with pytest.raises(ConfigError):
        load(path)
    with pytest.raises(ConfigError):
        load(None, {"SFU_SERVER__ALLOWED_ORIGINS": text.rpartition(" ")[2]})


def test_secrets_are_in_no_text(tmp_path: Path) -> None:
    text = '[tenants.acme]\nsecret = "of acme"\n'
    assert "of acme" not in repr(load(written(tmp_path, text), {}))
    assert "12345" not in "".join(refused(tmp_path, "[tenants.acme]\nsecret = [12345]\n"))


def test_every_key_that_outsiders_use_is_there() -> None:
    assert {
        "server.host",
        "server.port",
        "server.drain_timeout",
        "server.empty_timeout",
        "media.udp_port",
        "media.workers",
        "media.announced_addresses",
        "store.path",
        "store.url",
        "tenants.<name>.secret",
        "tenants.<name>.webhook_url",
        "tenants.<name>.webhook_secret",
        "tenants.<name>.parallel_events",
        "tenants.<name>.max_rooms",
    } <= set(known_keys())


@given(
    st.dictionaries(
        st.sampled_from(["SERVER", "MEDIA", "TENANTS", "X", "A(B"]).flatmap(
            lambda table: st.sampled_from(
                [f"SFU_{table}__{key}" for key in ("PORT", "HOST", "TENANTS", "A__SECRET", "A")]
            )
        ),
        st.text(max_size=8),
    )
)
def test_any_environment_is_read_or_refused(environ: dict[str, str]) -> None:
    try:
        load(None, environ, dev=True)
    except ConfigError:
        return


def test_worker_count() -> None:
    assert load(None, {"SFU_MEDIA__WORKERS": "0"}).media.worker_count(6) == 6
    assert load(None, {"SFU_MEDIA__WORKERS": "3"}).media.worker_count(6) == 3
