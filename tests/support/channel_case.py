"""What a channel adapter gives to be put through the contract suite, and the tools to build it."""

import json
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from ccc_router.channels.channel import Request
from ccc_router.routing.policy import Endpoint, Text

BASE_URL: Final = "https://ccc.example.vn"
RECEIVED_AT: Final = 1_795_336_000_000  # 2026-11-22T08:26:40Z
TEXT_MARK: Final = "@@TEXT@@"


@dataclass(frozen=True)
class ChannelCase:
    """One adapter with deliveries of its vendor.

    ``deliver`` signs a body as the vendor does (it gives url, headers and body; ``received_at`` is RECEIVED_AT). Each of
    ``samples`` gives at least one fact; ``texts`` are samples with TEXT_MARK where a person's text stands (JSON bodies only).
    ``unknown`` is well formed but tells nothing we know, ``unreadable`` is not this vendor's at all. ``signature_headers``
    are those without which nothing is believed; ``signs_body`` is False where only a token is sent.
    """

    name: str
    endpoint: Endpoint
    secrets: tuple[str, ...]
    deliver: Callable[[bytes], Request]
    samples: Mapping[str, bytes]
    unknown: bytes
    unreadable: bytes
    signature_headers: tuple[str, ...]
    texts: Mapping[str, bytes] = field(default_factory=dict)
    signs_body: bool = True
    agents: Mapping[str, str] = field(default_factory=dict)

    def with_body(self, body: bytes) -> Request:
        """A good delivery of this body."""
        return self.deliver(body)


def an_endpoint(channel: str, endpoint_id: str, dialect: str = "", **options: str) -> Endpoint:
    """A configured endpoint for tests."""
    return msgspec.convert(
        {
            "id": endpoint_id,
            "channel": channel,
            "name": Text(vi="Thử", en="Test"),
            "queue": "general",
            "dialect": dialect,
            "options": options,
        },
        Endpoint,
        from_attributes=True,
    )


def a_request(path: str, body: bytes, headers: Mapping[str, str], query: str = "") -> Request:
    """A delivery to ``path`` (from ``/v1`` on) as it arrives."""
    url = f"{BASE_URL}{path}?{query}" if query else BASE_URL + path
    return Request(
        method="POST",
        path=path,
        url=url,
        query=query,
        headers={"content-type": "application/json", **headers},
        body=body,
        received_at=RECEIVED_AT,
    )


WILD_TEXTS: Final[Mapping[str, str]] = {
    "decomposed": unicodedata.normalize("NFD", "Mất điện từ 8 giờ sáng"),
    "lone surrogate": "\\ud83d",
    "surrogate pair": "\\ud83d\\ude00",
    "nul": "a\\u0000b",
    "direction override": "\\u202egnp.exe",
    "very long": "ắ" * 20_000,
    "other scripts": "ខ្មែរ 中文 العربية",
}
"""Texts as they stand inside a JSON string literal, escapes and all."""

_STRANGE: Final = (
    "null", "true", "-1", "123456789012345678901234567890", "1e400", "1.5", '""', '"\\u0000"', '"\\ud83d"', "[]", "{}",
    "[[]]", '{"a":{}}',
)  # fmt: skip


def wild(body: bytes) -> Iterator[tuple[str, bytes]]:
    """The sample with each wild text at its mark."""
    for name, text in WILD_TEXTS.items():
        yield name, body.replace(TEXT_MARK.encode(), text.encode())


def grown(body: bytes) -> bytes:
    """The JSON sample with fields the vendor may add tomorrow, at its top and inside every object."""
    return json.dumps(_grow(json.loads(body)), ensure_ascii=False).encode()


def _grow(value: object) -> object:
    if isinstance(value, dict):
        extra: dict[str, object] = {"x_new_field": {"huge": 10**40, "deep": [[[]]]}}
        return {**{key: _grow(inner) for key, inner in value.items()}, **extra}
    return [_grow(inner) for inner in value] if isinstance(value, list) else value


def bent(body: bytes) -> Iterator[bytes]:
    """The JSON sample with one value at a time replaced by something nobody should send."""
    document = json.loads(body)
    mark = "@@BENT@@"
    for path in _paths(document):
        text = json.dumps(_replaced(document, path, mark))
        for strange in _STRANGE:
            yield text.replace(json.dumps(mark), strange).encode()


def _paths(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _paths(inner, (*path, index))


def _replaced(value: object, path: tuple[str | int, ...], new: object) -> object:
    if not path:
        return new
    if isinstance(value, dict):
        return {key: _replaced(inner, path[1:], new) if key == path[0] else inner for key, inner in value.items()}
    assert isinstance(value, list)
    return [_replaced(inner, path[1:], new) if at == path[0] else inner for at, inner in enumerate(value)]


def is_json(body: bytes) -> bool:
    """Whether the sample can be bent and grown as JSON."""
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def strings_of(value: object) -> Iterator[str]:
    """Every string of a fact, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from strings_of(key)
            yield from strings_of(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from strings_of(inner)
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from strings_of(getattr(value, name))


def is_storable(text: str) -> bool:
    """What PostgreSQL can keep and every reader compares alike: NFC, no NUL, no lone surrogate."""
    if "\0" in text or any(0xD800 <= ord(letter) <= 0xDFFF for letter in text):
        return False
    return unicodedata.is_normalized("NFC", text)
