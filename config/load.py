"""A TOML file and `SFU_<SECTION>__<KEY>` variables in, `Settings` or `ConfigError` out.

The environment wins over `--dev`, `--dev` over the file, the file over the
defaults. `--dev` wins over the file because its tenant's secret is public: a
file written for production must not open it to the network.
"""

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sfu.config import environment
from sfu.config.accepted import accepted, keys, schema_at
from sfu.config.environment import Override
from sfu.config.position import line_of
from sfu.config.problem import ConfigError, Problem
from sfu.config.schema import Settings

DEV_TENANT = "dev"
DEV_SECRET = "dev-secret-do-not-use-in-production"

Tables = dict[str, Any]
KeyPath = tuple[str | int, ...]


def load(
    path: Path | None, environ: Mapping[str, str] | None = None, *, dev: bool = False
) -> Settings:
    """The settings of this process.

    `path` None means defaults only; `environ` None means no overrides. Raises
    `ConfigError` with every finding, `path` that cannot be read included.
    """
    text = "" if path is None else _read(path)
    source = "settings" if path is None else str(path)
    tables = _parse(text, source)
    overrides, problems = environment.overrides(environ or {}, tables)
    for dev_path, value in _DEV.items() if dev else ():
        _put(tables, dev_path, value)
    for override in overrides:
        _put(tables, override.path, override.value)
    try:
        settings = Settings.model_validate(tables)
    except ValidationError as error:
        problems += [_problem(each, text, source, overrides) for each in _distinct(error)]
    if problems:
        raise ConfigError(sorted(problems, key=lambda problem: problem.line or 0))
    return settings


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
    except UnicodeDecodeError:
        reason = "is not UTF-8 text"
    raise ConfigError([Problem(str(path), "", reason)])


def _parse(text: str, source: str) -> Tables:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # numbers too long, lists too deep
        raise ConfigError([Problem(source, "", f"is not valid TOML: {error}")]) from None


def _put(tables: Tables, path: tuple[str, ...], value: Any) -> None:
    node: Any = tables
    for part in path[:-1]:
        node = node.setdefault(part, {})
        if not isinstance(node, dict):
            return  # not a table: the models say so
    node[path[-1]] = value


def _distinct(error: ValidationError) -> list[Any]:
    """One error per key: the members of a union complain one by one."""
    seen: dict[KeyPath, Any] = {}
    for each in error.errors(include_url=False):
        seen.setdefault(_setting(each["loc"]), each)
    return list(seen.values())


def _setting(location: KeyPath) -> KeyPath:
    """The part of pydantic's location that people wrote, tables, keys and list places; behind a key
    it names which member of a union complains."""
    depth = 3 if location[0] == "tenants" and location[2:3] != ("[key]",) else 2
    return tuple(
        part for position, part in enumerate(location) if isinstance(part, int) or position < depth
    )


def _problem(error: Any, text: str, source: str, overrides: list[Override]) -> Problem:
    path = _setting(error["loc"])
    for override in overrides:
        if path[: len(override.path)] == override.path:
            return Problem(override.variable, _dotted(path), _message(error, path))
    line = line_of(text, [str(part) for part in path])
    return Problem(source, _dotted(path), _message(error, path), line)


def _message(error: Any, path: KeyPath) -> str:
    match error["type"]:
        case "extra_forbidden":
            return _unknown(path)
        case "missing":
            return "is missing"
        case "value_error" if len(path) == 1:  # a rule about several keys of a table
            return str(error["ctx"]["error"])
    if error["loc"][-1] == "[key]":
        return "is no tenant name: lower-case letters, digits, and single . _ - between them"
    schema = schema_at(Settings, path)
    words = accepted(schema) if schema else "another value"
    if schema is not None and schema.get("writeOnly"):
        return f"the value is not accepted: expected {words}"
    return f"{_shown(error['input'])} is not accepted: expected {words}"


def _unknown(path: KeyPath) -> str:
    name = str(path[-1])
    siblings = keys(schema_at(Settings, path[:-1]) or {})
    elsewhere = [key for key in known_keys() if key.split(".")[-1] == name]
    near = difflib.get_close_matches(name.lower(), siblings, n=1)
    if elsewhere or near:
        nearest = elsewhere[0] if elsewhere else _dotted((*path[:-1], near[0]))
        return f"unknown key; did you mean {nearest}?"
    return f"unknown key; known here: {', '.join(siblings)}"


def known_keys() -> list[str]:
    """Every key as a dotted path, `tenants.<name>.…` included."""
    names = []
    for table in keys(schema_at(Settings, ()) or {}):
        inside: KeyPath = (table, "<name>") if table == "tenants" else (table,)
        names += [_dotted((*inside, key)) for key in keys(schema_at(Settings, inside) or {})]
    return names


def _dotted(path: KeyPath) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a table"
    try:
        text = str(value).lower() if isinstance(value, bool) else repr(value).replace("'", '"')
    except ValueError:  # of more digits than are printed
        return "such a number"
    return text if len(text) <= 80 else text[:77] + "…"


_DEV: dict[tuple[str, ...], Any] = {
    ("server", "host"): "127.0.0.1",
    ("room", "video"): "hd",
    ("tenants", DEV_TENANT, "secret"): DEV_SECRET,
    ("tenants", DEV_TENANT, "parallel_events"): "unlimited",
    ("tenants", DEV_TENANT, "max_rooms"): "unlimited",
}
