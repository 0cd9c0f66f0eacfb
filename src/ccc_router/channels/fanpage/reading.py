"""Reading a document whose fields may be missing, or of another type than the vendor's pages say."""

from collections.abc import Iterator
from typing import Final

from ccc_router.kernel.text import clean

MAX_TEXT: Final = 100_000
MAX_ID: Final = 200
_EARLIEST: Final = 946_684_800_000  # the year 2000: before it, no page wrote to us
_LATEST: Final = 4_102_444_800_000  # the year 2100

Node = dict[str, object]


def node(value: object, *path: str) -> Node:
    """The object at ``path``, or an empty one."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def nodes(value: object) -> Iterator[Node]:
    """The objects of a list; nothing for anything else."""
    if isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                yield item


def text(value: object, limit: int = MAX_TEXT) -> str:
    """A text: NFC, without NUL and lone surrogates; "" for anything else."""
    return clean(value)[:limit] if isinstance(value, str) else ""


def ident(value: object) -> str:
    """An id: always a string, for it may be larger than a float can hold. A number is written out; "" for anything else."""
    if isinstance(value, str):
        return clean(value)[:MAX_ID]
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**40:
        return str(value)
    return ""


def moment(value: object, unit_ms: int = 1) -> int:
    """A time in milliseconds of a number counting units of ``unit_ms``; 0 for anything that is no time of this century."""
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    ms = value * unit_ms
    return ms if _EARLIEST < ms < _LATEST else 0
