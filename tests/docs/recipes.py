"""The examples of docs/recipes.md, by language and name."""

import re
from pathlib import Path
from typing import Any

TEXT = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")


def code(language: str, name: str = "") -> str:
    """The one example of this language and name."""
    opened = f"{language} {name}".rstrip()
    (found,) = re.findall(rf"^```{opened}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    return str(found)


def loaded(name: str) -> dict[str, Any]:
    """What a Python example defines."""
    names: dict[str, Any] = {}
    exec(code("python", name), names)
    return names
