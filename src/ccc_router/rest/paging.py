"""Lists: at most 200 at once, and an opaque cursor for the next ones."""

import base64
import binascii
import json
from typing import Annotated, Final, Generic, TypeVar

from fastapi import Query

from ..kernel.errors import Invalid
from .schemas import Document

MAX_LIMIT: Final = 200

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many at most.")]
Cursor = Annotated[str, Query(max_length=500, description="`next` of the page before; opaque.")]

Item = TypeVar("Item")


class Page(Document, Generic[Item]):
    """A part of a list. ``next`` is null on the last page."""

    items: list[Item]
    next: str | None = None


def encode(*keys: str | int) -> str:
    """The cursor behind the row with these sort keys."""
    return base64.urlsafe_b64encode(json.dumps(keys, separators=(",", ":")).encode()).decode().rstrip("=")


def decode(cursor: str, *kinds: type) -> tuple[str | int, ...] | None:
    """The sort keys of a cursor made by ``encode``; None for the empty cursor. Raises ``Invalid`` for anything else."""
    if not cursor:
        return None
    try:
        keys = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as error:
        raise Invalid("The cursor is none of ours.", code="bad_cursor") from error
    if not isinstance(keys, list) or [type(key) for key in keys] != list(kinds):
        raise Invalid("The cursor is none of ours.", code="bad_cursor")
    return tuple(keys)
