"""Files in Outlook's ``winmail.dat`` (MS-OXTNEF): attachments and the plain body; everything else in it is left alone."""

import struct
from typing import Final, NamedTuple

_SIGNATURE: Final = 0x223E9F78
_BODY, _TITLE, _DATA, _RENDERING = 0x800C, 0x8010, 0x800F, 0x9002
_HEAD: Final = struct.Struct("<BHHI")
_MOST_ATTRIBUTES: Final = 2_000


class Unpacked(NamedTuple):
    """What was inside: files with their names, and the body if it was written as plain text."""

    files: list[tuple[str, bytes]]
    body: bytes


def is_tnef(data: bytes) -> bool:
    """Whether the bytes begin like a TNEF stream."""
    return len(data) > 6 and int.from_bytes(data[:4], "little") == _SIGNATURE


def unpack(data: bytes) -> Unpacked:
    """Read as far as it is well formed. Never raises."""
    files: list[tuple[str, bytes]] = []
    body = name = content = b""
    place = 6
    for _ in range(_MOST_ATTRIBUTES):
        if place + _HEAD.size > len(data):
            break
        _, attribute, _, length = _HEAD.unpack_from(data, place)
        place += _HEAD.size
        value = data[place : place + length]
        if len(value) < length:
            break
        place += length + 2  # and a checksum
        if attribute == _RENDERING:  # the next attachment begins
            files, name, content = _with(files, name, content), b"", b""
        elif attribute == _TITLE:
            name = value.rstrip(b"\0")
        elif attribute == _DATA:
            content = value
        elif attribute == _BODY:
            body = value.rstrip(b"\0")
    return Unpacked(_with(files, name, content), body)


def _with(files: list[tuple[str, bytes]], name: bytes, content: bytes) -> list[tuple[str, bytes]]:
    return [*files, (name.decode("utf-8", "replace"), content)] if content else files
