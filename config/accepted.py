"""The words for what a setting accepts, taken from the JSON schema of its field."""

import functools
from typing import Any, cast

from pydantic import BaseModel

from sfu.config.value import MOST

Schema = dict[str, Any]


def schema_at(model: type[BaseModel], path: tuple[str | int, ...]) -> Schema | None:
    """The schema of the setting at `path`, or of the longest part of it that is a setting."""
    root = _root(model)
    node = root
    for part in path:
        child = _child(_resolve(node, root), part)
        if child is None:
            break
        node = child
    return _resolve(node, root)


def accepted(schema: Schema) -> str:
    """For example "an integer from 1 to 64" or "one of sd, hd"."""
    if "accepted" in schema:
        return str(schema["accepted"])
    if "enum" in schema:
        return "one of " + ", ".join(f'"{value}"' for value in schema["enum"])
    match schema.get("type"):
        case "integer":
            return "an integer" + _range(schema)
        case "array":
            return f"a list, each {accepted(schema['items'])}"
        case "object":
            return "a table"
        case _:
            return "a text" + _shape(schema)


def hint(schema: Schema) -> str:
    """What a comment beside the default adds: choices and ranges; nothing where any value does."""
    if "enum" in schema:
        return " or ".join(f'"{value}"' for value in schema["enum"])
    if schema.get("maximum", MOST) < MOST:
        return f"{schema['minimum']} to {schema['maximum']}"
    return str(schema.get("hint", ""))


def json_schema(model: type[BaseModel]) -> Schema:
    """The JSON schema as people write the file: no titles, defaults such as "10m" and "never"."""
    root = _untitled(_root(model))
    for name in keys(root):
        table = _resolve(root["properties"][name], root)
        defaults = root["properties"][name].pop("default", {})
        for key, value in defaults.items():
            table["properties"][key]["default"] = value
    return cast(Schema, root)


@functools.cache
def _root(model: type[BaseModel]) -> Schema:
    return model.model_json_schema()


def _untitled(node: Any) -> Any:
    if isinstance(node, list):
        return [_untitled(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _untitled(value)
        for key, value in node.items()
        if key != "title" or not isinstance(value, str)
    }


def keys(schema: Schema) -> list[str]:
    """The keys of a table; none for a table whose keys are names."""
    return list(schema.get("properties", {}))


def _child(schema: Schema, part: str | int) -> Schema | None:
    if isinstance(part, int):
        return cast(Schema | None, schema.get("items"))
    properties = schema.get("properties", {})
    if part in properties:
        return cast(Schema, properties[part])
    for names in ("additionalProperties", "patternProperties"):
        if isinstance(rest := schema.get(names), dict):
            return cast(Schema, rest if names[0] == "a" else next(iter(rest.values())))
    return None


def _resolve(schema: Schema, root: Schema) -> Schema:
    if "$ref" in schema:
        return cast(Schema, root["$defs"][schema["$ref"].removeprefix("#/$defs/")])
    return schema


def _range(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f" from {low} to {high}"
    return f" of {low} or more" if low is not None else ""


def _shape(schema: Schema) -> str:
    if "pattern" in schema:
        return f" that matches {schema['pattern']}"
    return " that is not empty" if schema.get("minLength") else ""
