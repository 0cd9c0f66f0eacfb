"""Files that come with a mail: which are taken, what they really are, and a name that is safe to show and to save under.

The type is told by the first bytes, never by the sender. Only kinds that people here send are taken; programs, scripts, pages
and pictures that can hold scripts (SVG) are not. Archives are kept as they are, never unpacked.
"""

import re
from typing import Final, NamedTuple

from ccc_router.kernel.text import clean_name

MOST_FILES: Final = 20
LARGEST_FILE: Final = 10 * 1024 * 1024
LARGEST_TOTAL: Final = 25 * 1024 * 1024
_LONGEST_NAME: Final = 120


class File(NamedTuple):
    """A file to keep. ``media_type`` is what its bytes are."""

    name: str
    media_type: str
    content: bytes
    content_id: str = ""
    inline: bool = False


class Left(NamedTuple):
    """A file that was not taken, and why: ``empty``, ``too_large``, ``too_many``, ``total`` or ``kind``."""

    name: str
    reason: str


_MAGIC: Final = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"{\\rtf", "application/rtf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"#!AMR", "audio/amr"),
)
_RIFF: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BRANDS: Final = {
    b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heic", b"msf1": "image/heic", b"avif": "image/avif",
    b"M4A ": "audio/mp4", b"qt  ": "video/quicktime",
}  # fmt: skip
# What an OLE or ZIP container is can be told by the name alone, but only among these.
_CONTAINED: Final = {
    "application/x-ole-storage": {
        "doc": "application/msword", "xls": "application/vnd.ms-excel", "ppt": "application/vnd.ms-powerpoint",
        "msg": "application/vnd.ms-outlook",
    },
    "application/zip": {
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "odt": "application/vnd.oasis.opendocument.text",
        "ods": "application/vnd.oasis.opendocument.spreadsheet",
        "zip": "application/zip",
    },
}  # fmt: skip
_TEXTS: Final = {
    "txt": "text/plain",
    "csv": "text/csv",
    "ics": "text/calendar",
    "vcf": "text/vcard",
    "eml": "message/rfc822",
}
_ENDINGS: Final = {
    "application/pdf": ("pdf",), "image/png": ("png",), "image/jpeg": ("jpg", "jpeg", "jfif"), "image/gif": ("gif",),
    "image/bmp": ("bmp",), "image/tiff": ("tif", "tiff"), "application/rtf": ("rtf", "doc"), "image/webp": ("webp",),
    "image/heic": ("heic", "heif"), "image/avif": ("avif",), "application/vnd.rar": ("rar",),
    "application/x-7z-compressed": ("7z",), "audio/mpeg": ("mp3",), "audio/ogg": ("ogg", "oga", "opus"), "audio/amr": ("amr",),
    "audio/wav": ("wav",), "audio/mp4": ("m4a", "mp4"), "video/mp4": ("mp4", "m4v", "3gp"), "video/quicktime": ("mov", "qt"),
    "video/x-msvideo": ("avi",), "text/plain": ("txt",), "text/csv": ("csv",), "text/calendar": ("ics",), "text/vcard": ("vcf",),
    "message/rfc822": ("eml",), "application/x-ole-storage": ("doc",), "application/zip": ("zip",),
} | {kind: (ending,) for group in _CONTAINED.values() for ending, kind in group.items()}  # fmt: skip

_UNSAFE: Final = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f]+')
_DOTS: Final = re.compile(r"\.{2,}")
_ACTIVE_TEXT: Final = re.compile(
    rb"\s*(?:#!|<\?|<!doctype|<html|<svg|<script|<body|<iframe|@echo|<job|<hta)", re.IGNORECASE
)


def sniff(content: bytes, name: str, declared: str = "") -> str:
    """The media type of the bytes, or "" for a kind that is not taken. ``name`` and ``declared`` only tell siblings apart."""
    ending = name.rpartition(".")[2].lower()
    kind = next((kind for magic, kind in _MAGIC if content.startswith(magic)), "")
    if content[:4] == b"RIFF":
        return _RIFF.get(content[8:12], "")
    if content[4:8] == b"ftyp":
        return _BRANDS.get(content[8:12], "video/mp4")
    if kind == "image/bmp" and int.from_bytes(content[2:6], "little") != len(content):
        kind = ""
    if kind in _CONTAINED:
        return _CONTAINED[kind].get(ending, kind)
    return kind or _text_kind(content, ending, declared)


def _text_kind(content: bytes, ending: str, declared: str) -> str:
    """Plain text of a known ending or declared as such, unless it would run or show as something else."""
    head = content[:4096]
    if b"\0" in head or _ACTIVE_TEXT.match(head):
        return ""
    if ending in _TEXTS:
        return _TEXTS[ending]
    if declared in _TEXTS.values() and not ending.isalnum():
        return declared
    return "text/plain" if declared == "text/plain" and ending in {"log", "md", "text"} else ""


def safe_name(name: str, media_type: str, number: int) -> str:
    """A name without path, direction marks and control characters, whose ending fits what the bytes are."""
    name = clean_name(name.replace("\\", "/").rpartition("/")[2])
    name = _DOTS.sub(".", _UNSAFE.sub("_", name)).strip(" ._-")
    stem, _, ending = name.rpartition(".")
    endings = _ENDINGS.get(media_type, ())
    if not stem:
        stem, ending = name, ""
    if endings and ending.lower() not in endings:
        stem, ending = name, endings[0]
    stem = stem[:_LONGEST_NAME].strip(" .") or f"file-{number}"
    return f"{stem}.{ending}" if ending else stem


class Taken:
    """Takes files one by one until the limits of a mail are met."""

    def __init__(self) -> None:
        self.files: list[File] = []
        self.left: list[Left] = []
        self._total = 0

    def offer(
        self, name: str, content: bytes, *, declared: str = "", content_id: str = "", inline: bool = False
    ) -> None:
        """Take the file, or note why not."""
        media_type = sniff(content, name, declared)
        shown = safe_name(name, media_type, len(self.files) + len(self.left) + 1)
        reason = self._reason(content, media_type)
        if reason:
            self.left.append(Left(shown, reason))
            return
        self._total += len(content)
        self.files.append(File(shown, media_type, content, content_id, inline))

    def _reason(self, content: bytes, media_type: str) -> str:
        if not content:
            return "empty"
        if len(content) > LARGEST_FILE:
            return "too_large"
        if not media_type:
            return "kind"
        if len(self.files) >= MOST_FILES:
            return "too_many"
        return "total" if self._total + len(content) > LARGEST_TOTAL else ""
