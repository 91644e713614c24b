import tomllib
from pathlib import Path

from sfu.config import Settings, load
from sfu.config.accepted import json_schema
from sfu.config.sample import effective, sample

ROOT = Path(__file__).parents[2]


def test_sfu_toml_is_the_sample() -> None:
    """Made anew by `make sample` when this fails."""
    assert (ROOT / "sfu.toml").read_text(encoding="utf-8") == sample()


def test_the_sample_holds_the_defaults() -> None:
    assert load(ROOT / "sfu.toml", {}) == Settings()


def test_the_sample_holds_every_key() -> None:
    tables = tomllib.loads(sample())
    for name, table in Settings().model_dump(exclude={"tenants"}).items():
        assert list(tables[name]) == list(table)


def test_every_key_has_a_comment() -> None:
    lines = sample().splitlines()
    keys = [number for number, line in enumerate(lines) if " = " in line and line[0] != "#"]
    assert keys
    assert all(lines[number - 1].startswith("# ") for number in keys)


def test_the_example_of_a_tenant_becomes_settings_when_uncommented() -> None:
    _, _, example = sample().partition("#\n# [tenants.example]")
    lines = ("# [tenants.example]" + example).splitlines()
    keys = [line[2:] for line in lines if " = " in line or "[" in line[:3]]
    read = tomllib.loads("\n".join(keys).replace("…", "x"))
    assert Settings.model_validate(read).tenants["example"].parallel_events == 1


def test_effective_settings_read_back_but_for_secrets() -> None:
    settings = load(None, {"SFU_TENANTS__A__SECRET": "s3cret", "SFU_SERVER__PORT": "1"}, dev=True)
    text = effective(settings)
    assert "s3cret" not in text
    again = Settings.model_validate(tomllib.loads(text))
    assert again.server == settings.server
    assert list(again.tenants) == ["dev", "a"]


def test_the_schema_s_defaults_are_those_of_the_file() -> None:
    schema = json_schema(Settings)
    server = schema["$defs"]["ServerSettings"]["properties"]
    assert server["drain_timeout"]["default"] == "10m"
    assert server["empty_timeout"]["default"] == "never"
    assert "title" not in server["port"]
