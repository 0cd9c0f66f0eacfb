"""What a visitor may read: the messages of his ticket in order, the state of his case, the files sent to him."""

from typing import Final, Literal

import msgspec

from ccc_router.channels.portal.tickets import TicketRow
from ccc_router.events.facts import Attachment
from ccc_router.rest.waits import Expect, ExpectedWait
from ccc_router.routing.rows import Contact
from ccc_router.storage.database import Database

CaseWord = Literal["received", "open", "waiting_customer", "escalated", "resolved", "closed"]
PATIENCE_S: Final = 30
"""How long a message is waited for that has its number but is not yet with the engine."""

# Notes have no line, but whoever reads here is outside the house: what is shown is named, not what is hidden.
_LINES: Final = """
SELECT l.number, l.message_id, m.id IS NULL AS missing, m.direction, m.at, m.files,
       m.deleted OR m.erased OR m.direction = 'internal' OR m.visibility = 'note' AS hidden, m.text,
       extract(epoch FROM clock_timestamp() - l.at)::float8 AS age
FROM portal_line l LEFT JOIN LATERAL (
    SELECT id, direction, at, attachments::text AS files, deleted, erased, visibility, text FROM message
    WHERE pool = ANY ($6::text[]) AND id = l.message_id ORDER BY array_position($6::text[], pool) DESC LIMIT 1) m ON true
WHERE l.pool = $1 AND l.endpoint = $2 AND l.reference = $3 AND l.number > $4
ORDER BY l.number LIMIT $5
"""
# The pools the contact went through, ours first, and the one it is on its way to.
_WAY: Final = """
WITH RECURSIVE way AS (
    SELECT 1 AS n, row -> 'handed_over' ->> 'pool' AS pool FROM contact WHERE pool = $1 AND id = $2
    UNION ALL
    SELECT n + 1, c.row -> 'handed_over' ->> 'pool' FROM way JOIN contact c ON c.pool = way.pool AND c.id = $2 WHERE n < 100)
SELECT pool FROM way WHERE pool IS NOT NULL ORDER BY n
"""
_STATE: Final = """
SELECT k.state FROM contact c JOIN customer_case k ON k.pool = c.pool AND k.id = c.case_id
WHERE c.pool = $1 AND c.id = $2
"""
# The first of the case's contacts at this portal that waits: the one of the form, or one that a later message opened.
_WAITING: Final = """
SELECT w.row FROM contact c JOIN contact w ON (w.pool, w.case_id, w.endpoint) = (c.pool, c.case_id, c.endpoint)
WHERE c.pool = $1 AND c.id = $2 AND w.live AND w.open AND w.state = 'queued' ORDER BY w.arrived_at, w.id LIMIT 1
"""
_LAST: Final = "SELECT coalesce(max(number), 0) FROM portal_line WHERE pool = $1 AND endpoint = $2 AND reference = $3"
_BYTES: Final = "SELECT bytes FROM blob WHERE sha256 = $1"
# What the visitor left in his form; it is no handle, for he proved nothing.
_NUMBER: Final = "SELECT name, extra ->> 'phone' FROM contact_address WHERE pool = $1 AND contact_id = $2"
_BATCH: Final = 200
_MOST: Final = 1000


class Message(msgspec.Struct, frozen=True):
    """One message of a conversation."""

    number: int
    message_id: str
    at: int
    from_customer: bool
    text: str
    files: tuple[Attachment, ...]


class News(msgspec.Struct, frozen=True):
    """What is new after a number. ``pending``: a numbered message is still on its way, look again soon."""

    messages: tuple[Message, ...]
    seen: int
    pending: bool


class Conversations:
    """Reads only."""

    def __init__(self, database: Database, pool: str, expect: Expect) -> None:
        self._database = database
        self._pool = pool
        self._expect = expect

    async def after(self, ticket: TicketRow, number: int, limit: int = _BATCH) -> News:
        """The messages after ``number``, without a gap: one that is on its way holds back those behind it, for a while."""
        way = await self._way(ticket)
        rows = await self._database.pool.fetch(
            _LINES, self._pool, ticket.endpoint, ticket.reference, number, limit, way
        )
        messages: list[Message] = []
        seen = number
        for row in rows:
            if row["missing"] and row["age"] < PATIENCE_S:
                return News(tuple(messages), seen, pending=True)
            seen = row["number"]
            if not row["missing"] and not row["hidden"]:
                files = msgspec.json.decode(row["files"], type=tuple[Attachment, ...])
                inbound = row["direction"] == "inbound"
                messages.append(Message(seen, row["message_id"], row["at"], inbound, row["text"], files))
        return News(tuple(messages), seen, pending=len(rows) == limit)

    async def all(self, ticket: TicketRow) -> tuple[Message, ...]:
        """Every message there is, up to a thousand."""
        return (await self.after(ticket, 0, _MOST)).messages

    async def last(self, ticket: TicketRow) -> int:
        """The newest number given."""
        found: int = await self._database.pool.fetchval(_LAST, self._pool, ticket.endpoint, ticket.reference)
        return found

    async def state(self, ticket: TicketRow) -> CaseWord:
        """The state of the case; ``received`` as long as the engine that is to has not read the form."""
        pool = (await self._way(ticket))[-1]
        state: CaseWord | None = await self._database.pool.fetchval(_STATE, pool, ticket.contact_id)
        return state or "received"

    async def claimed(self, ticket: TicketRow) -> tuple[str, str]:
        """The name and the number of the form; "" where he left none, or they were erased."""
        row = await self._database.pool.fetchrow(_NUMBER, self._pool, ticket.contact_id)
        return (row[0], row[1] or "") if row is not None else ("", "")

    async def waiting(self, ticket: TicketRow) -> ExpectedWait | None:
        """His place in line and how long he still waits; None when he does not wait for an agent, or not for one of ours."""
        row = await self._database.pool.fetchval(_WAITING, self._pool, ticket.contact_id)
        if row is None:
            return None
        return ExpectedWait.of(await self._expect(msgspec.json.decode(row, type=Contact)))

    async def _way(self, ticket: TicketRow) -> list[str]:
        """The pools that know what was said, the one that goes on with it last."""
        rows = await self._database.pool.fetch(_WAY, self._pool, ticket.contact_id)
        return [self._pool, *(row["pool"] for row in rows)]

    async def file(self, ticket: TicketRow, attachment_id: str) -> tuple[Attachment, bytes] | None:
        """A file of a message the visitor may see."""
        for message in await self.all(ticket):
            for file in message.files:
                if file.attachment_id == attachment_id:
                    content: bytes | None = await self._database.pool.fetchval(_BYTES, file.sha256)
                    return None if content is None else (file, content)
        return None
