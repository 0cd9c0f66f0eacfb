"""Files of visitors: what is inside decides what they are, never what they are called."""

import hashlib
import re
from collections.abc import AsyncGenerator, Mapping
from pathlib import PurePosixPath
from typing import Final

import msgspec
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from ccc_router.kernel.errors import MalformedRequest, UnsupportedMedia
from ccc_router.kernel.text import clean_name

_LONGEST_NAME: Final = 120
_UNSAFE: Final = re.compile(r'[\\/:*?"<>|]+')
_OFFICE_MARK: Final = b"[Content_Types].xml"
_OFFICE: Final = (
    (b"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
)
_EXTENSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "image/jpeg": (".jpg", ".jpeg"),
    "image/png": (".png",),
    "image/webp": (".webp",),
    "image/heic": (".heic", ".heif"),
    "application/pdf": (".pdf",),
    _OFFICE[0][1]: (".docx",),
    _OFFICE[1][1]: (".xlsx",),
}
"""What is taken, and what such files are called."""


class Received(msgspec.Struct, frozen=True):
    """A file as we keep it."""

    name: str
    media_type: str
    sha256: str
    content: bytes


async def read_upload(headers: Headers, body: bytes) -> Received:
    """The one file of a form. The body is within its limit already.

    Raises MalformedRequest (400) for no form or not one file in it, UnsupportedMedia (415) for a kind that is not taken.
    """

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        form = await MultiPartParser(headers, stream(), max_files=1, max_fields=4).parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise MalformedRequest("The body is not a form with one file.") from error
    try:
        files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
        if len(files) != 1:
            raise MalformedRequest("The body is not a form with one file.")
        return received(files[0].filename or "", await files[0].read())
    finally:
        await form.close()


def received(name: str, content: bytes) -> Received:
    """A file under a safe name, of the kind its bytes say. Raises UnsupportedMedia (415)."""
    media_type = kind_of(content)
    if media_type is None:
        raise UnsupportedMedia("Only JPEG, PNG, WebP, HEIC, PDF, DOCX and XLSX are taken.")
    return Received(safe_name(name, media_type), media_type, hashlib.sha256(content).hexdigest(), content)


def kind_of(content: bytes) -> str | None:
    """The media type by the first bytes, or None for what is not taken."""
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    if content[4:8] == b"ftyp" and content[8:12] in {b"heic", b"heix", b"mif1", b"msf1"}:
        return "image/heic"
    if content.startswith(b"%PDF-"):
        return "application/pdf"
    if content.startswith(b"PK\x03\x04") and _OFFICE_MARK in content:
        return next((media_type for mark, media_type in _OFFICE if mark in content), None)
    return None


def safe_name(name: str, media_type: str) -> str:
    """One line without paths, direction marks or a wrong ending: what a person reads is what the file is."""
    base = PurePosixPath(_UNSAFE.sub("/", clean_name(name))).name.strip(". ")
    endings = _EXTENSIONS[media_type]
    stem = base[: -len(PurePosixPath(base).suffix)] if base.lower().endswith(endings) else base
    return (stem[:_LONGEST_NAME].strip(". ") or "file") + endings[0]
