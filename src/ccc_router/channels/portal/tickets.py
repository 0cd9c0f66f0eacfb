"""The portal's own rows: tickets, the order of what was said below them, uploads, solved challenges."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from ccc_router.channels.portal.facts import Ids
from ccc_router.channels.portal.proof import Solved
from ccc_router.channels.portal.uploads import Received
from ccc_router.events.facts import Attachment
from ccc_router.kernel import crashing
from ccc_router.kernel.crashing import Site
from ccc_router.kernel.errors import IdempotencyKeyReused, Invalid, TooMany, Unavailable
from ccc_router.storage.database import Connection, Database

if TYPE_CHECKING:
    from asyncpg import Record

_OPEN: Final = """
INSERT INTO portal_ticket (pool, endpoint, reference, key_hash, body_hash, salt, token_hash, contact_id, case_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING true
"""
_BY_KEY: Final = "SELECT * FROM portal_ticket WHERE pool = $1 AND endpoint = $2 AND key_hash = $3"
_BY_REFERENCE: Final = "SELECT * FROM portal_ticket WHERE pool = $1 AND endpoint = $2 AND reference = $3"
_SPEND: Final = """
INSERT INTO portal_proof (pool, challenge, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING true
"""
_LOCK: Final = "SELECT true FROM portal_ticket WHERE pool = $1 AND endpoint = $2 AND reference = $3 FOR NO KEY UPDATE"
_LINE: Final = "SELECT number, body_hash FROM portal_line WHERE pool = $1 AND message_id = $2"
_ADD_LINE: Final = """
INSERT INTO portal_line (pool, endpoint, reference, number, message_id, body_hash)
SELECT $1, $2, $3, coalesce(max(number), 0) + 1, $4, $5
FROM portal_line WHERE pool = $1 AND endpoint = $2 AND reference = $3
RETURNING number
"""
_KEEP_UPLOAD: Final = """
INSERT INTO portal_upload (pool, endpoint, id, name, media_type, size, sha256, bytes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_UNSENT: Final = """
SELECT coalesce(sum(size), 0)::bigint FROM portal_upload WHERE pool = $1 AND endpoint = $2 AND message_id = ''
"""
_CLAIM: Final = """
UPDATE portal_upload SET message_id = $4
WHERE pool = $1 AND endpoint = $2 AND id = ANY($3::text[]) AND message_id IN ('', $4)
RETURNING id, name, media_type, size, sha256
"""
_TO_BLOBS: Final = """
WITH sent AS (
    SELECT DISTINCT ON (sha256) sha256, media_type, size, bytes FROM portal_upload
    WHERE pool = $1 AND endpoint = $2 AND id = ANY($3::text[]) AND bytes IS NOT NULL ORDER BY sha256)
INSERT INTO blob (sha256, media_type, size, bytes) SELECT sha256, media_type, size, bytes FROM sent
ON CONFLICT (sha256) DO UPDATE SET at = clock_timestamp()
"""
_EMPTY: Final = "UPDATE portal_upload SET bytes = NULL WHERE pool = $1 AND endpoint = $2 AND id = ANY($3::text[])"
_MOST_UNSENT: Final = 2 << 30  # bytes a portal keeps for messages that may never come


class TicketRow(msgspec.Struct, frozen=True):
    """A visitor's ticket."""

    endpoint: str
    reference: str
    contact_id: str
    case_id: str
    body_hash: bytes
    salt: bytes
    token_hash: bytes


class NewTicket(msgspec.Struct, frozen=True):
    """What a ticket is made of."""

    endpoint: str
    ids: Ids
    key_hash: bytes
    body_hash: bytes
    salt: bytes
    token_hash: bytes
    uploads: Sequence[str] = ()
    proof: Solved | None = None


class Line(msgspec.Struct, frozen=True):
    """The place of a message in its conversation, and the files that were claimed for it."""

    number: int
    files: tuple[Attachment, ...] = ()


class Tickets:
    """Every method is one transaction. ``pool`` of a method: whose ticket it is, where not ours, as a portal is shared."""

    def __init__(self, database: Database, pool: str) -> None:
        self._database = database
        self._pool = pool

    async def by_key(self, endpoint: str, key_hash: bytes) -> TicketRow | None:
        """The ticket that was made under a key."""
        return _ticket(await self._database.pool.fetchrow(_BY_KEY, self._pool, endpoint, key_hash))

    async def by_reference(self, endpoint: str, reference: str, *, pool: str = "") -> TicketRow | None:
        """The ticket of a reference."""
        return _ticket(await self._database.pool.fetchrow(_BY_REFERENCE, pool or self._pool, endpoint, reference))

    async def open(self, new: NewTicket) -> tuple[TicketRow, tuple[Attachment, ...]]:
        """Make the ticket with its first line, or find the one made under the same key. Also returns the files claimed.

        Raises IdempotencyKeyReused (422) when that was asked with another body, Invalid (422) for a challenge that was used
        already or an upload that is not there.
        """
        async with self._database.transaction() as connection:
            ids = new.ids
            made = await connection.fetchval(
                _OPEN, self._pool, new.endpoint, ids.reference, new.key_hash, new.body_hash, new.salt, new.token_hash,
                ids.contact_id, ids.case_id,
            )  # fmt: skip
            ticket = _ticket(await connection.fetchrow(_BY_KEY, self._pool, new.endpoint, new.key_hash))
            if ticket is None:  # another case has this reference: one in a million billion
                raise Unavailable
            if ticket.body_hash != new.body_hash:
                raise IdempotencyKeyReused
            if made and new.proof is not None:
                await self._spend(connection, new.proof)
            if made:
                await connection.fetchval(
                    _ADD_LINE, self._pool, new.endpoint, ids.reference, ids.message_id, new.body_hash
                )
            files = await self._claim(connection, new.endpoint, new.uploads, ids.message_id)
            crashing.before(Site.TICKET)
        crashing.after(Site.TICKET)
        return ticket, files

    async def add_line(
        self,
        endpoint: str,
        reference: str,
        message_id: str,
        body_hash: bytes,
        uploads: Sequence[str] = (),
        *,
        pool: str = "",
    ) -> Line:
        """Give a message its number, the next one of its conversation; again: the same number.

        Raises IdempotencyKeyReused (422) when the message was another one, Invalid (422) for an upload that is not there.
        """
        async with self._database.transaction() as connection:
            whose = pool or self._pool
            await connection.fetchval(_LOCK, whose, endpoint, reference)
            known = await connection.fetchrow(_LINE, whose, message_id)
            if known is not None and known["body_hash"] != body_hash:
                raise IdempotencyKeyReused
            if known is not None:
                number: int = known["number"]
            else:
                number = await connection.fetchval(_ADD_LINE, whose, endpoint, reference, message_id, body_hash)
            line = Line(number, await self._claim(connection, endpoint, uploads, message_id))
            crashing.before(Site.LINE)
        crashing.after(Site.LINE)
        return line

    async def keep_upload(self, endpoint: str, upload_id: str, file: Received) -> None:
        """Keep a file until it is sent. Raises TooMany (429) when too much waits already."""
        size = len(file.content)
        if await self._database.pool.fetchval(_UNSENT, self._pool, endpoint) + size > _MOST_UNSENT:
            raise TooMany(retry_after_s=600)
        crashing.before(Site.UPLOAD)
        await self._database.pool.execute(
            _KEEP_UPLOAD, self._pool, endpoint, upload_id, file.name, file.media_type, size, file.sha256, file.content
        )
        crashing.after(Site.UPLOAD)

    async def spend(self, proof: Solved) -> None:
        """Use a solved challenge up. Raises Invalid (422) when it was used before."""
        async with self._database.transaction() as connection:
            await self._spend(connection, proof)
            crashing.before(Site.PROOF)
        crashing.after(Site.PROOF)

    async def _spend(self, connection: Connection, proof: Solved) -> None:
        expires: datetime = proof.expires_at
        if not await connection.fetchval(_SPEND, self._pool, proof.challenge, expires):
            raise Invalid("The challenge was used before; ask for another.", code="proof_used")

    async def _claim(
        self, connection: Connection, endpoint: str, uploads: Sequence[str], message_id: str
    ) -> tuple[Attachment, ...]:
        if not uploads:
            return ()
        rows = {
            row["id"]: row for row in await connection.fetch(_CLAIM, self._pool, endpoint, list(uploads), message_id)
        }
        if set(rows) != set(uploads):
            raise Invalid("An attachment is not there, or was sent before.", code="unknown_upload")
        await connection.execute(_TO_BLOBS, self._pool, endpoint, list(uploads))
        await connection.execute(_EMPTY, self._pool, endpoint, list(uploads))
        return tuple(
            Attachment(row["id"], row["name"], row["media_type"], row["size"], row["sha256"])
            for row in (rows[name] for name in dict.fromkeys(uploads))
        )


def _ticket(row: "Record | None") -> TicketRow | None:
    if row is None:
        return None
    return TicketRow(
        row["endpoint"],
        row["reference"],
        row["contact_id"],
        row["case_id"],
        row["body_hash"],
        row["salt"],
        row["token_hash"],
    )
