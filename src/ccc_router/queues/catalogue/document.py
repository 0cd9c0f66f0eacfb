"""A catalogue from a JSON document, and every fault of its shape with its path."""

import json
from importlib import resources
from typing import Any, Final, get_args, get_origin

import msgspec

from ccc_router.routing.policy import Catalogue

_MISSING: Final = object()


class Fault(msgspec.Struct, frozen=True, order=True):
    """What is wrong and where: ``path`` is a JSON pointer (RFC 6901), ``code`` is stable, ``detail`` is for people."""

    path: str
    code: str
    detail: str


def parse(document: object) -> Catalogue | list[Fault]:
    """The catalogue of a decoded JSON document, or every fault of its shape: unknown, missing and mistyped fields."""
    try:
        return msgspec.convert(document, Catalogue)
    except msgspec.ValidationError:
        return sorted(_shape(document, Catalogue, ""))


def as_document(catalogue: Catalogue) -> dict[str, object]:
    """The catalogue as a JSON document, whole: `parse` gives the same catalogue."""
    document: dict[str, object] = msgspec.json.decode(msgspec.json.encode(catalogue))
    return document


def demo_document() -> dict[str, object]:
    """The demo catalogue of the package: the twelve queues of the centre, made-up agents, synthetic policy."""
    text = resources.files("ccc_router.queues.catalogue").joinpath("demo.json").read_text(encoding="utf-8")
    document: dict[str, object] = json.loads(text)
    return document


def pointer(*parts: str | int) -> str:
    """A JSON pointer."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def _shape(value: object, kind: Any, path: str) -> list[Fault]:
    """msgspec stops at the first fault, so a document that does not convert is gone through part by part."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        inner = _inside(value, kind, path)
        return inner or [Fault(path, "wrong_type", str(error).split(" - at ")[0])]
    return []


def _inside(value: object, kind: Any, path: str) -> list[Fault]:
    """The faults of the parts of ``value``; none if it has no parts or the fault is its own."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _of_struct(value, kind, path) if isinstance(value, dict) else []
    arguments = [one for one in get_args(kind) if one is not Ellipsis]
    if get_origin(kind) is tuple and isinstance(value, list):
        return [fault for at, item in enumerate(value) for fault in _shape(item, arguments[0], path + pointer(at))]
    if get_origin(kind) is dict and isinstance(value, dict):
        return [fault for name, item in value.items() for fault in _shape(item, arguments[1], path + pointer(name))]
    return []


def _of_struct(value: dict[str, object], kind: type[msgspec.Struct], path: str) -> list[Fault]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    faults = [Fault(path + pointer(name), "unknown_field", "no such field") for name in value if name not in fields]
    for name, field in fields.items():
        item = value.get(name, _MISSING)
        if item is not _MISSING:
            faults += _shape(item, field.type, path + pointer(name))
        elif field.required:
            faults.append(Fault(path + pointer(name), "missing", "this field is required"))
    return faults
