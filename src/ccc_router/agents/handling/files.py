"""Files: uploads for a message to come, and what came with messages."""

import hashlib
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, File, UploadFile
from fastapi.responses import Response

from ...events.facts import Attachment
from ...kernel import ids
from ...kernel.errors import Invalid, NotFound
from ...kernel.sniffing import kind_of
from ...kernel.text import clean_name
from ...rest.access import AsStaff, AsStaffOrDepartment, Guarded
from ...rest.principal import Principal
from ...rest.schemas import Id
from ..documents import AttachmentView
from ..services import AgentsRoom, CommandKey, Room
from ..store.messages import File as FileRow

router = APIRouter(prefix="/v1/attachments", tags=["contacts"], route_class=Guarded)

# Beside what strangers may send, what offices have: containers whose inside nobody looks into, and never a page or a script.
_CONTAINERS: Final = (
    (b"PK\x03\x04", "application/zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
)


@router.post("", status_code=201, summary="Upload a file for a message to come")
async def upload(
    caller: AsStaffOrDepartment,
    room: Room,
    key: CommandKey,
    file: Annotated[UploadFile, File(description="PDF, pictures, sound, Office, plain text; its size is bounded.")],
) -> AttachmentView:
    """Name it in `attachments` of a message or an escalation. Its kind is told from its bytes."""
    content = await file.read()  # the body was within its limit before it came here
    attachment = Attachment(
        attachment_id=ids.derive("at", caller.source, key),
        name=clean_name(file.filename or "").replace("/", "_").replace("\\", "_")[-200:] or "file",
        media_type=_kind(content),
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    await room.messages.keep_upload(attachment, content, caller.source)
    return AttachmentView(
        attachment_id=attachment.attachment_id,
        name=attachment.name,
        media_type=attachment.media_type,
        size=attachment.size,
    )


def _kind(content: bytes) -> str:
    known = kind_of(content) or next((kind for start, kind in _CONTAINERS if content.startswith(start)), None)
    if known is not None:
        return known
    if not content or b"\0" in content:
        raise Invalid("This kind of file is not accepted.", code="unknown_media")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise Invalid("This kind of file is not accepted.", code="unknown_media") from error
    return "text/plain; charset=utf-8"


_CONTENT: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file, always as a download.",
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
        },
    }
}


@router.get("/{attachment_id}", summary="A file", response_class=Response, responses=_CONTENT)
async def download(caller: AsStaff, attachment_id: Id, room: Room) -> Response:
    """An upload of mine, or a file of a contact that I may see."""
    row = await _visible(room, caller, await room.messages.file(attachment_id))
    content = await room.messages.content(row.sha256)
    if content is None:
        raise NotFound
    name = quote(row.name, safe="")
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Original-Media-Type": row.media_type,
    }
    return Response(content, media_type="application/octet-stream", headers=headers)


async def _visible(room: AgentsRoom, caller: Principal, rows: list[FileRow]) -> FileRow:
    for row in rows:
        if caller.leads or row.owner == caller.source:
            return row
        if row.contact_id and await room.contacts.seen_by(caller.subject, row.contact_id):
            return row
    raise NotFound
