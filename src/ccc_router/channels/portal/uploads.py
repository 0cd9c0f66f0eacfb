"""Files of visitors: what is inside decides what they are, never what they are called."""

import hashlib
from collections.abc import AsyncGenerator
from typing import Final

import msgspec
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from ccc_router.kernel.errors import MalformedRequest, UnsupportedMedia
from ccc_router.kernel.sniffing import DOCX, XLSX, kind_of, safe_name

TAKEN: Final = frozenset({"image/jpeg", "image/png", "image/webp", "image/heic", "application/pdf", DOCX, XLSX})
"""What strangers may leave here."""


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
    media_type = kind_of(content) or ""
    if media_type not in TAKEN:
        raise UnsupportedMedia("Only JPEG, PNG, WebP, HEIC, PDF, DOCX and XLSX are taken.")
    return Received(safe_name(name, media_type), media_type, hashlib.sha256(content).hexdigest(), content)
