"""Lists by pages: `limit` and an opaque `cursor`."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Query

from sfu.errors import Refusal

Item = TypeVar("Item")

Limit = Annotated[int, Query(ge=1, le=1000, description="Items at most.")]
Cursor = Annotated[
    str | None, Query(max_length=512, description="From the page before; none for the first one.")
]


def encode(kind: str, position: str) -> str:
    """A cursor; it begins with a letter, unlike a time."""
    return "c" + base64.urlsafe_b64encode(f"{kind}:{position}".encode()).decode().rstrip("=")


def decode(kind: str, cursor: str, path: str = "cursor") -> str:
    """The position of a cursor of this kind. Raises Refusal for any other text."""
    try:
        padded = cursor.removeprefix("c").encode("ascii")
        text = base64.b64decode(padded + b"=" * (-len(padded) % 4), b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError, ValueError):
        text = ""
    if not cursor.startswith("c") or not text.startswith(f"{kind}:"):
        raise Refusal("bad_request", "this is no cursor of this list", path=path)
    return text.removeprefix(f"{kind}:")


def page(
    kind: str, items: Sequence[Item], key: Callable[[Item], str], limit: int, cursor: str | None
) -> tuple[list[Item], str | None]:
    """The items behind the cursor, in the order of their keys; no cursor behind the last one."""
    after = decode(kind, cursor) if cursor is not None else ""
    rest = sorted((item for item in items if key(item) > after), key=key)
    shown = rest[:limit]
    more = len(rest) > limit
    return shown, encode(kind, key(shown[-1])) if more else None
