"""Overrides by environment variables: `SFU_<SECTION>__<KEY>`, `SFU_TENANTS__<NAME>__<KEY>`.

Variables that begin with `SFU_` but hold no double underscore are not ours to
judge; one that has it and names no setting is an error, like an unknown key.
"""

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sfu.config.accepted import Schema, keys, schema_at
from sfu.config.problem import Problem
from sfu.config.schema import Settings

PREFIX = "SFU_"
SEPARATOR = "__"


@dataclass(frozen=True)
class Override:
    """A setting from the environment, its text already turned into the field's kind of value."""

    variable: str
    path: tuple[str, ...]
    value: Any


def overrides(
    environ: Mapping[str, str], tables: Mapping[str, Any]
) -> tuple[list[Override], list[Problem]]:
    """Every override and every variable that names no setting; `tables` is what the file holds."""
    found: list[Override] = []
    problems: list[Problem] = []
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or SEPARATOR not in variable:
            continue
        path = _path(variable, tables)
        schema = schema_at(Settings, path)
        if len(path) != (3 if path[0] == "tenants" else 2) or not _known(path):
            problems.append(Problem(variable, "", _unknown(variable)))
        elif schema is not None:
            found.append(Override(variable, path, _value(environ[variable], schema)))
    return found, problems


def variable_of(path: tuple[str, ...]) -> str:
    """The variable that overrides the setting at `path`."""
    return PREFIX + SEPARATOR.join(_plain(part).upper() for part in path)


def _path(variable: str, tables: Mapping[str, Any]) -> tuple[str, ...]:
    parts = variable.removeprefix(PREFIX).lower().split(SEPARATOR)
    if parts[0] == "tenants" and len(parts) > 1:
        parts[1] = _tenant(parts[1], tables)
    return tuple(parts)


def _tenant(name: str, tables: Mapping[str, Any]) -> str:
    """Variables cannot hold - and . so a tenant of the file is found by its name without them."""
    tenants = tables.get("tenants")
    for each in tenants if isinstance(tenants, dict) else ():
        if _plain(each) == name:
            return str(each)
    return name


def _plain(name: str) -> str:
    return name.replace("-", "_").replace(".", "_")


def _known(path: tuple[str, ...]) -> bool:
    tables = keys(schema_at(Settings, ()) or {})
    return path[0] in tables and path[-1] in keys(schema_at(Settings, path[:-1]) or {})


def _unknown(variable: str) -> str:
    names = [
        variable_of((table, key))
        for table in keys(schema_at(Settings, ()) or {})
        for key in keys(schema_at(Settings, (table,)) or {})
    ]
    near = difflib.get_close_matches(variable, names, n=1)
    return f"no such setting; did you mean {near[0]}?" if near else "no such setting"


def _value(text: str, schema: Schema) -> Any:
    """The text as the kind of value the field wants; what does not fit stays text, for the models
    to refuse."""
    kinds = {each.get("type") for each in schema.get("anyOf", [schema])}
    if "array" in kinds:
        return _list(text)
    if "integer" in kinds:
        try:
            return int(text)
        except ValueError:
            return text
    if "boolean" in kinds:
        return {"true": True, "false": False}.get(text.lower(), text)
    return text


def _list(text: str) -> Any:
    """`["a", "b"]` as in the file, or `a, b`."""
    if text.lstrip().startswith("["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return [part.strip() for part in text.split(",") if part.strip()]
