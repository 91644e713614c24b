"""Texts back into values, the same way for every store."""

import json
from collections.abc import Sequence

from sfu.store.records import Document, Page


def document_of(text: str) -> Document:
    """A document as it was handed in."""
    document: Document = json.loads(text)
    return document


def page_of(rows: Sequence[tuple[str, str]], cursor: str | None, limit: int) -> Page:
    """A page of at most `limit` records, out of positions and texts of one more than that."""
    shown = rows[:limit]
    return Page(
        items=[document_of(record) for _, record in shown],
        cursor=shown[-1][0] if shown else cursor,
        more=len(rows) > limit,
    )
