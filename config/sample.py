"""`Settings` as TOML: the commented `sfu.toml` of the defaults, and what `sfu config show` prints.

`python -m sfu.config.sample` prints the sample file.
"""

import json
import textwrap
from collections.abc import Iterator
from typing import Any

from sfu.config.accepted import hint, schema_at
from sfu.config.environment import variable_of
from sfu.config.schema import Settings, Table, TenantSettings

WIDTH = 100


def sample() -> str:
    """The text of `sfu.toml`: every key with its comment, what it accepts and its default."""
    lines = [*_commented(_HEAD)]
    settings = Settings()
    for name, table in _tables(settings):
        lines += ["", *_commented(_doc(table)), f"[{name}]"]
        for key, value in table.model_dump(mode="json").items():
            lines += [*_comment_of((name, key)), f"{key} = {_toml(value)}"]
    lines += ["", *_commented(_doc(TenantSettings)), "#", "# [tenants.example]"]
    example = TenantSettings.model_validate({"secret": "change-me"}).model_dump(mode="json")
    for key, value in {**example, "secret": "…", "webhook_secret": ""}.items():
        lines += [*_comment_of(("tenants", "example", key)), f"# {key} = {_toml(value)}"]
    return "\n".join(lines) + "\n"


def effective(settings: Settings) -> str:
    """The settings in use, without comments and with every secret masked."""
    lines: list[str] = []
    for name, table in [*_tables(settings), *_tenants(settings)]:
        values = table.model_dump(mode="json")
        lines += [f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in values.items()), ""]
    return "\n".join(lines)


def _tables(settings: Settings) -> Iterator[tuple[str, Table]]:
    for name in Settings.model_fields:
        if isinstance(table := getattr(settings, name), Table):
            yield name, table


def _tenants(settings: Settings) -> Iterator[tuple[str, Table]]:
    for name, tenant in settings.tenants.items():
        yield f"tenants.{_key(name)}", tenant


def _comment_of(path: tuple[str, ...]) -> list[str]:
    schema = schema_at(Settings, path) or {}
    text, choice = _one_line(schema["description"]), hint(schema)
    return _commented(f"{text} ({choice})" if choice else text)


def _doc(table: Table | type[Table]) -> str:
    return _one_line(table.__doc__ or "")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _commented(text: str) -> list[str]:
    return [
        line
        for paragraph in text.split("\n")
        for line in textwrap.wrap(paragraph, WIDTH, initial_indent="# ", subsequent_indent="# ")
        or ["#"]
    ]


def _key(name: str) -> str:
    return json.dumps(name) if "." in name else name


def _toml(value: Any) -> str:
    """JSON's texts, numbers, booleans and lists of them are TOML's too."""
    return json.dumps(value, ensure_ascii=False)


_HEAD = f"""\
Settings of the server: every key with its default, printed by `python -m sfu.config.sample`.
Every key can also be set by an environment variable, such as \
{variable_of(("server", "port"))} or {variable_of(("tenants", "example", "secret"))}.
An unknown key stops the start. Durations are seconds, or texts: "500ms", "30s", "10m", "1h"."""


if __name__ == "__main__":
    print(sample(), end="")
