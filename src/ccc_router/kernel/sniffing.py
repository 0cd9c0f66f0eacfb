"""What a file is: its first bytes say, never its name or what its sender claims."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

from ccc_router.kernel.text import clean_name

_LONGEST_NAME: Final = 120
_UNSAFE: Final = re.compile(r'[\\/:*?"<>|]+')
_OFFICE_MARK: Final = b"[Content_Types].xml"
DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ENDINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "image/jpeg": (".jpg", ".jpeg"),
    "image/png": (".png",),
    "image/gif": (".gif",),
    "image/webp": (".webp",),
    "image/heic": (".heic", ".heif"),
    "audio/mpeg": (".mp3",),
    "audio/ogg": (".ogg", ".oga", ".opus"),
    "video/mp4": (".mp4", ".m4a", ".mov"),
    "application/pdf": (".pdf",),
    DOCX: (".docx",),
    XLSX: (".xlsx",),
    "application/octet-stream": (".bin",),
}
_STARTS: Final = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
)
_HEIC: Final = frozenset({b"heic", b"heix", b"mif1", b"msf1"})


def kind_of(content: bytes) -> str | None:
    """The media type by the first bytes, or None for what is none of those we know."""
    for start, media_type in _STARTS:
        if content.startswith(start):
            return media_type
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    if content[4:8] == b"ftyp":
        return "image/heic" if content[8:12] in _HEIC else "video/mp4"
    if content.startswith(b"PK\x03\x04") and _OFFICE_MARK in content:
        return DOCX if b"word/" in content else XLSX if b"xl/" in content else None
    return None


def safe_name(name: str, media_type: str) -> str:
    """One line without paths, direction marks or a wrong ending: what a person reads is what the file is."""
    base = PurePosixPath(_UNSAFE.sub("/", clean_name(name))).name.strip(". ")
    endings = _ENDINGS.get(media_type, (".bin",))
    stem = base[: -len(PurePosixPath(base).suffix)] if base.lower().endswith(endings) else base
    return (stem[:_LONGEST_NAME].strip(". ") or "file") + endings[0]
