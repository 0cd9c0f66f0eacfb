"""Messages, attachments and drafts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from ccc_router.kernel import crashing
from ccc_router.kernel.crashing import Site

from ...events.facts import Attachment
from ...storage.database import Database

_TIMELINE: Final = """
SELECT id, contact_id, number, direction, visibility, author, form, subject, text, html, at, position, delivery_state, mark,
       deleted, erased, attachments
FROM message WHERE pool = $1 AND case_id = $2 AND position > $3 ORDER BY position LIMIT $4"""
_UPLOAD: Final = """
INSERT INTO upload (pool, id, owner, name, media_type, size, sha256) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (pool, id) DO NOTHING"""
_BLOB: Final = """
INSERT INTO blob (sha256, media_type, size, bytes) VALUES ($1, $2, $3, $4)
ON CONFLICT (sha256) DO UPDATE SET at = clock_timestamp()"""
_UPLOADS: Final = """
SELECT id, name, media_type, size, sha256 FROM upload WHERE pool = $1 AND owner = $2 AND id = ANY($3)"""
_FILE: Final = """
SELECT owner, '' AS contact_id, name, media_type, sha256 FROM upload WHERE pool = $1 AND id = $2
UNION ALL SELECT '', contact_id, name, media_type, sha256 FROM attachment WHERE pool = $1 AND id = $2"""
_BYTES: Final = "SELECT bytes FROM blob WHERE sha256 = $1"
_DRAFT: Final = "SELECT text, at FROM draft WHERE pool = $1 AND contact_id = $2 AND agent_id = $3"
_KEEP_DRAFT: Final = """
INSERT INTO draft (pool, contact_id, agent_id, text, at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (pool, contact_id, agent_id) DO UPDATE SET text = excluded.text, at = excluded.at"""


if TYPE_CHECKING:  # asyncpg's classes take type arguments in the stubs only
    from asyncpg import Record


@dataclass(frozen=True, slots=True)
class Message:
    """One exchange as its row stands."""

    message_id: str
    contact_id: str
    number: int
    direction: str
    visibility: str
    author: str
    form: str
    subject: str
    text: str
    html: str
    at: int
    position: int
    delivery_state: str
    mark: str
    deleted: bool
    erased: bool
    attachments: tuple[Attachment, ...]


@dataclass(frozen=True, slots=True)
class File:
    """A file's row: of an upload ``owner`` is set, of a message ``contact_id``."""

    owner: str
    contact_id: str
    name: str
    media_type: str
    sha256: str


class Messages:
    """Reads messages; keeps uploads and drafts, which are nobody's facts yet."""

    def __init__(self, database: Database, pool: str) -> None:
        self._database = database
        self._pool = pool

    async def of_case(self, case_id: str, *, after: int, limit: int) -> list[Message]:
        """What was said in a case on all its contacts, in order; ``after`` is a position."""
        rows = await self._database.pool.fetch(_TIMELINE, self._pool, case_id, after, limit)
        return [_message(row) for row in rows]

    async def keep_upload(self, attachment: Attachment, content: bytes, owner: str) -> None:
        """Keep a file until a message takes it. ``owner`` is the principal's source."""
        async with self._database.transaction() as connection:
            await connection.execute(_BLOB, attachment.sha256, attachment.media_type, attachment.size, content)
            await connection.execute(
                _UPLOAD,
                self._pool,
                attachment.attachment_id,
                owner,
                attachment.name,
                attachment.media_type,
                attachment.size,
                attachment.sha256,
            )
            crashing.before(Site.FILE)
        crashing.after(Site.FILE)

    async def uploads(self, ids: Sequence[str], owner: str) -> list[Attachment]:
        """Of these uploads those that are the owner's."""
        rows = await self._database.pool.fetch(_UPLOADS, self._pool, owner, list(ids))
        return [Attachment(row["id"], row["name"], row["media_type"], row["size"], row["sha256"]) for row in rows]

    async def file(self, attachment_id: str) -> list[File]:
        """The rows of a file: as an upload, and as a message's."""
        rows = await self._database.pool.fetch(_FILE, self._pool, attachment_id)
        return [File(row["owner"], row["contact_id"], row["name"], row["media_type"], row["sha256"]) for row in rows]

    async def content(self, sha256: str) -> bytes | None:
        """A file's bytes."""
        content: bytes | None = await self._database.pool.fetchval(_BYTES, sha256)
        return content

    async def draft(self, contact_id: str, agent_id: str) -> tuple[str, int]:
        """An agent's unfinished answer and when it was kept (ms); ("", 0) when there is none."""
        row = await self._database.pool.fetchrow(_DRAFT, self._pool, contact_id, agent_id)
        return (row["text"], row["at"]) if row else ("", 0)

    async def keep_draft(self, contact_id: str, agent_id: str, text: str, now_ms: int) -> None:
        """Keep an unfinished answer."""
        crashing.before(Site.DRAFT)
        await self._database.pool.execute(_KEEP_DRAFT, self._pool, contact_id, agent_id, text, now_ms)
        crashing.after(Site.DRAFT)


def _message(row: "Record") -> Message:
    values = {name: value for name, value in row.items() if name not in ("id", "attachments")}
    files = msgspec.json.decode(str(row["attachments"]), type=tuple[Attachment, ...])
    return msgspec.convert({**values, "message_id": row["id"], "attachments": files}, Message)
